//! What happens at a provider behind the counter, to be set off by hand: customers, reviews, payments, outages,
//! prices. Only a sandbox has it.

use axum::{Json, extract::State, http::StatusCode};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    control::{DemoAccountView, demo_account},
    documents::DocumentView,
    extract::{Body, Path},
    problem::Problem,
    view::{Money, SmsLimitsView},
};
use crate::{
    catalogue, invoices,
    ledger::{self, to_cents},
    lifecycle::invalid,
    model::{DocumentState, NumberTrouble, Profile, Trouble, random_word},
    refusal::{Failure, Refusal},
    seed::new_customer,
    store::{StoreError, accounts, numbers},
};

/// A customer to make.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewCustomer {
    name: String,
    /// `numgo` or `prepaid`; `numgo` if not given.
    profile: Option<ProfileWord>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProfileWord {
    Numgo,
    Prepaid,
}

/// How a review ends.
#[derive(Deserialize, ToSchema)]
pub(super) struct Review {
    decision: ReviewWord,
    /// Why it was rejected.
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReviewWord {
    Approve,
    Reject,
}

/// A payment's event.
#[derive(Deserialize, ToSchema)]
pub(super) struct PaymentEvent {
    /// The top-up that was paid.
    topup: String,
}

/// Where it stands after that.
#[derive(Serialize, ToSchema)]
pub(super) struct PaymentView {
    /// `pending`, `paid`, `declined` or `cancelled`.
    state: &'static str,
}

/// What is wrong with a number.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewTrouble {
    /// `out_of_service`, `blocked_by_operator`, `cannot_be_provided`, `local_provider_failed`; null: mended.
    trouble: Option<Trouble>,
    /// Through the client's own fault.
    #[serde(default)]
    clients_fault: bool,
    /// There is another one in the same country and city.
    #[serde(default)]
    replacement: bool,
}

/// A new price.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewPrice {
    #[schema(example = "3.40")]
    monthly_fee: String,
}

/// The price as it is now.
#[derive(Serialize, ToSchema)]
pub(super) struct ProductPriceView {
    monthly_fee: Money,
}

/// Minutes of a conference.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewConferenceMinutes {
    /// The organiser's SIP user.
    user: String,
    conference: String,
    minutes: u32,
}

/// Whether the books hold together.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditView {
    balanced: bool,
    /// What does not hold.
    faults: Vec<String>,
}

/// A new customer, without numbers, money or papers.
#[utoipa::path(post, path = "/sandbox/customers", operation_id = "sandbox_customer", tag = "sandbox",
    request_body = NewCustomer, responses(
    (status = 201, body = DemoAccountView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn customer(
    State(api): State<Api>,
    Body(new): Body<NewCustomer>,
) -> Result<(StatusCode, Json<DemoAccountView>), Problem> {
    let profile = match new.profile {
        None | Some(ProfileWord::Numgo) => Profile::Numgo,
        Some(ProfileWord::Prepaid) => Profile::Prepaid,
    };
    let sip = api.sip;
    let name: String = new.name.chars().take(100).collect();
    let view = api
        .ask(move |op| {
            Ok(op.write(|books| -> Result<_, StoreError> {
                let id = new_customer(books, &name, &format!("user-{}", random_word(8)), profile)?;
                let account = accounts::by_id(books, id)?.ok_or(StoreError::Value("account"))?;
                demo_account(books, account, sip)
            })?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Gives a customer limits of its own for sending SMS. The address has the SIP user.
#[utoipa::path(post, path = "/sandbox/customers/{id}/sms-limits", operation_id = "sandbox_sms_limits", tag = "sandbox",
    params(("id" = String, Path, description = "The customer's SIP user")), request_body = SmsLimitsView, responses(
    (status = 200, body = SmsLimitsView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn sms_limits(
    State(api): State<Api>,
    Path(user): Path<String>,
    Body(limits): Body<SmsLimitsView>,
) -> Result<Json<SmsLimitsView>, Problem> {
    let given = limits.limits();
    api.ask(move |op| {
        op.write(|books| {
            let account = accounts::by_sip_user(books, &user)?.ok_or(Refusal::NotFound)?;
            Ok::<_, Failure>(accounts::set_sms_limits(books, account.id, Some(given))?)
        })
    })
    .await?;
    Ok(Json(limits))
}

/// Ends a document's review.
#[utoipa::path(post, path = "/sandbox/documents/{id}", operation_id = "sandbox_review", tag = "sandbox",
    params(("id" = String, Path, description = "The document's id")), request_body = Review, responses(
    (status = 200, body = DocumentView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn review(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(review): Body<Review>,
) -> Result<Json<DocumentView>, Problem> {
    let state = match review.decision {
        ReviewWord::Approve => DocumentState::Approved,
        ReviewWord::Reject => DocumentState::Rejected,
    };
    let document = api.ask(move |op| op.review_document(&id, state, review.reason.as_deref())).await?;
    Ok(Json(DocumentView::new(&document)))
}

/// The company behind the checkout page reports a payment, once or again, in time or late.
#[utoipa::path(post, path = "/sandbox/payments", operation_id = "sandbox_payment", tag = "sandbox",
    request_body = PaymentEvent, responses(
    (status = 200, body = PaymentView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn payment(
    State(api): State<Api>,
    Body(event): Body<PaymentEvent>,
) -> Result<Json<PaymentView>, Problem> {
    let topup = api.ask(move |op| op.payment_reported(&event.topup)).await?;
    Ok(Json(PaymentView { state: topup.state.word() }))
}

/// Breaks a number, or mends it.
#[utoipa::path(post, path = "/sandbox/numbers/{id}/trouble", operation_id = "sandbox_trouble", tag = "sandbox",
    params(("id" = String, Path, description = "The number's id")), request_body = NewTrouble, responses(
    (status = 204, description = "It is so."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn trouble(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(new): Body<NewTrouble>,
) -> Result<StatusCode, Problem> {
    api.ask(move |op| {
        let now = op.now();
        op.write(|books| {
            let mut number = numbers::by_id(books, &id)?.ok_or(Refusal::NotFound)?;
            number.trouble = match (new.trouble, number.trouble) {
                (Some(kind), _) => Some(NumberTrouble {
                    kind,
                    clients_fault: new.clients_fault,
                    replacement: new.replacement,
                    mended_at: None,
                }),
                (None, Some(old)) => Some(NumberTrouble { mended_at: Some(now), ..old }),
                (None, None) => None,
            };
            Ok::<_, Failure>(numbers::update(books, &number)?)
        })
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the fee of a product: renewals from now on cost that much.
#[utoipa::path(post, path = "/sandbox/catalogue/{id}", operation_id = "sandbox_price", tag = "sandbox",
    params(("id" = String, Path, description = "The product's id")), request_body = NewPrice, responses(
    (status = 200, body = ProductPriceView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`price`"),
))]
pub(super) async fn price(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(new): Body<NewPrice>,
) -> Result<Json<ProductPriceView>, Problem> {
    let fee = Decimal::from_str_exact(new.monthly_fee.trim()).ok();
    let fits =
        |fee: &Decimal| *fee > Decimal::ZERO && *fee <= Decimal::from(10_000) && *fee == to_cents(*fee);
    let fee = fee.filter(fits).ok_or_else(|| Problem::from(invalid("price", "That is no price.")))?;
    api.ask(move |op| {
        catalogue::product(&id).ok_or(Refusal::NotFound)?;
        Ok(op.write(|books| numbers::change_fee(books, &id, to_cents(fee)))?)
    })
    .await?;
    Ok(Json(ProductPriceView { monthly_fee: Money::new(to_cents(fee), "USD") }))
}

/// Minutes of a conference that are to be paid, as the bridge notes them when it is over.
#[utoipa::path(post, path = "/sandbox/conference-minutes", operation_id = "sandbox_conference_minutes", tag = "sandbox",
    request_body = NewConferenceMinutes, responses(
    (status = 204, description = "They come on the invoice of the month."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn conference(
    State(api): State<Api>,
    Body(new): Body<NewConferenceMinutes>,
) -> Result<StatusCode, Problem> {
    api.ask(move |op| {
        let now = op.now();
        op.write(|books| {
            let account = accounts::by_sip_user(books, &new.user)?.ok_or(Refusal::NotFound)?;
            let minutes = u64::from(new.minutes);
            invoices::note(books, &op.settings, account.id, &new.conference, minutes, now)?;
            Ok::<_, Failure>(StatusCode::NO_CONTENT)
        })
    })
    .await
}

/// Looks through the books: every entry balanced, every balance the sum of its rows.
#[utoipa::path(get, path = "/sandbox/ledger", operation_id = "sandbox_ledger", tag = "sandbox", responses(
    (status = 200, body = AuditView),
))]
pub(super) async fn audit(State(api): State<Api>) -> Result<Json<AuditView>, Problem> {
    let faults = api.ask(|op| Ok(op.read(ledger::audit)?)).await?;
    Ok(Json(AuditView { balanced: faults.is_empty(), faults }))
}
