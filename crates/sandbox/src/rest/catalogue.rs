//! What can be rented, with prices and restrictions before the order.

use axum::{Json, extract::State};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    extract::{Caller, Params, Path},
    problem::Problem,
    view::{Money, RestrictionView},
};
use crate::{
    catalogue::{self, PRODUCTS, Product, SERVICES, Sort, Speed},
    documents::TO_GO_OUT,
    model::{Account, Profile},
    refusal::Refusal,
    settings::Settings,
    store::{StoreError, numbers},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CatalogueParams {
    /// Only this country (ISO 3166 alpha-2).
    country: Option<String>,
    /// Only this city.
    city: Option<String>,
    /// Only `mobile`, `landline` or `toll_free`.
    kind: Option<String>,
}

/// Everything there is to rent.
#[derive(Serialize, ToSchema)]
pub(super) struct CatalogueView {
    products: Vec<ProductView>,
}

/// Something to rent.
#[derive(Serialize, ToSchema)]
pub(super) struct ProductView {
    #[schema(example = "gb-mobile")]
    id: &'static str,
    /// ISO 3166 alpha-2.
    #[schema(example = "GB")]
    country: &'static str,
    /// For landlines.
    city: Option<&'static str>,
    /// `mobile`, `landline` or `toll_free`.
    kind: &'static str,
    /// `number`, `registration` or `disposable`.
    sort: &'static str,
    calls: bool,
    sms: bool,
    /// A month's fee; a disposable number's whole price.
    monthly_fee: Money,
    /// Price of an incoming minute.
    incoming_minute: Money,
    /// Price of one outgoing SMS.
    sms_price: Option<Money>,
    /// How many can be ordered now.
    in_stock: usize,
    /// What a trial of it would be; null when there is none now.
    trial: Option<TrialView>,
    /// Working days until it is connected; null: at once.
    connection_days: Option<DaysView>,
    /// What the buyer must know before ordering.
    restrictions: Vec<RestrictionView>,
    /// Papers wanted before it is connected (`prepaid`), or before calls and SMS go out (`numgo`).
    documents: Vec<&'static str>,
    /// What a disposable number can be ordered for.
    services: Vec<&'static str>,
    /// Whether single numbers can be chosen.
    choosable: bool,
    /// Can be called free of charge, to hear how it sounds.
    test_number: Option<&'static str>,
}

/// What a trial is.
#[derive(Serialize, ToSchema)]
pub(super) struct TrialView {
    hours: u64,
    /// SMS of both directions; null: none or as many as there are.
    messages: Option<u32>,
    /// Incoming calls.
    calls: Option<u32>,
}

/// A span of days.
#[derive(Serialize, ToSchema)]
pub(super) struct DaysView {
    least: u8,
    most: u8,
}

/// Numbers that can be chosen.
#[derive(Serialize, ToSchema)]
pub(super) struct FreeNumbersView {
    /// E.164.
    numbers: Vec<String>,
}

/// What can be rented, by country, city and kind.
#[utoipa::path(get, path = "/v1/catalogue", operation_id = "catalogue", tag = "numbers", params(CatalogueParams),
    security(("token" = [])), responses(
    (status = 200, body = CatalogueView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<CatalogueParams>,
) -> Result<Json<CatalogueView>, Problem> {
    let fits = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| is.is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
    };
    let found: Vec<&'static Product> = PRODUCTS
        .iter()
        .filter(|p| fits(&params.country, Some(p.country)))
        .filter(|p| fits(&params.city, p.city) && fits(&params.kind, Some(p.kind.word())))
        .collect();
    let products = api
        .ask(move |op| {
            Ok(op.read(|c| {
                found.into_iter().map(|p| view(&op.settings, c, p, &account)).collect::<Result<Vec<_>, _>>()
            })?)
        })
        .await?;
    Ok(Json(CatalogueView { products }))
}

/// One product.
#[utoipa::path(get, path = "/v1/catalogue/{id}", operation_id = "product", tag = "numbers", security(("token" = [])),
    params(("id" = String, Path, description = "The product's id")), responses(
    (status = 200, body = ProductView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ProductView>, Problem> {
    let product = api
        .ask(move |op| {
            let product = catalogue::product(&id).ok_or(Refusal::NotFound)?;
            Ok(op.read(|c| view(&op.settings, c, product, &account))?)
        })
        .await?;
    Ok(Json(product))
}

/// The numbers of a product that can be chosen; none where the provider chooses (`prepaid`).
#[utoipa::path(get, path = "/v1/catalogue/{id}/numbers", operation_id = "free_numbers", tag = "numbers",
    security(("token" = [])), params(("id" = String, Path, description = "The product's id")), responses(
    (status = 200, body = FreeNumbersView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn free(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<FreeNumbersView>, Problem> {
    let numbers = api
        .ask(move |op| {
            let product = catalogue::product(&id).ok_or(Refusal::NotFound)?;
            if !is_choosable(product, &account) {
                return Ok(Vec::new());
            }
            Ok(op.read(|c| catalogue::free(c, product))?)
        })
        .await?;
    Ok(Json(FreeNumbersView { numbers }))
}

fn view(
    settings: &Settings,
    c: &Connection,
    product: &'static Product,
    account: &Account,
) -> Result<ProductView, StoreError> {
    let money = |amount| Money::new(amount, &account.currency);
    let documents = match (account.profile, product.sort) {
        (Profile::Prepaid, _) => product.documents,
        (Profile::Numgo, Sort::Number) => TO_GO_OUT,
        (Profile::Numgo, _) => &[],
    };
    let trials_left = numbers::trials_running(c, product.id)? < product.trial_stock;
    Ok(ProductView {
        id: product.id,
        country: product.country,
        city: product.city,
        kind: product.kind.word(),
        sort: match product.sort {
            Sort::Number => "number",
            Sort::Registration => "registration",
            Sort::Disposable => "disposable",
        },
        calls: product.calls,
        sms: product.sms,
        monthly_fee: money(catalogue::monthly_fee(c, product)?),
        incoming_minute: money(product.incoming_minute),
        sms_price: product.sms_price.map(money),
        in_stock: catalogue::free(c, product)?.len(),
        trial: (product.has_trial(account.profile) && trials_left).then(|| match account.profile {
            Profile::Numgo => {
                let (lasts, messages, calls) = settings.trial_numgo;
                TrialView { hours: lasts.as_secs() / 3600, messages: Some(messages), calls: Some(calls) }
            }
            Profile::Prepaid => {
                TrialView { hours: settings.trial_prepaid.as_secs() / 3600, messages: None, calls: None }
            }
        }),
        connection_days: match (account.profile, product.connection) {
            (Profile::Numgo, _) => None,
            (Profile::Prepaid, Speed::Slow) => Some(DaysView { least: 5, most: 15 }),
            (Profile::Prepaid, Speed::AtOnce) if product.documents.is_empty() => None,
            (Profile::Prepaid, Speed::AtOnce) => Some(DaysView { least: 1, most: 2 }),
        },
        restrictions: product
            .restrictions(account.profile)
            .into_iter()
            .map(|(code, text)| RestrictionView { code, text })
            .collect(),
        documents: documents.iter().map(|kind| kind.word()).collect(),
        services: if product.sort == Sort::Disposable { SERVICES.to_vec() } else { Vec::new() },
        choosable: is_choosable(product, account),
        test_number: product.test_number,
    })
}

fn is_choosable(product: &Product, account: &Account) -> bool {
    account.profile == Profile::Numgo && product.sort != Sort::Disposable
}
