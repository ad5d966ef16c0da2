//! The rules as the application's adapter meets them.

use tern_provider::{
    Provider, ProviderError, Secret,
    sandbox::{ClockChange, SandboxProvider, clock},
    types::*,
};

use super::Customer;

fn adapter(customer: &Customer) -> SandboxProvider {
    SandboxProvider::new(customer.house.sandbox.http_url(), Secret::new(customer.token.clone())).unwrap()
}

fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey(name.into())
}

fn dollars(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: "USD".into() }
}

#[tokio::test]
async fn the_adapter_orders_restores_and_leaves_numbers() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("5").await;
    let provider = adapter(&customer);
    let filter = CatalogueFilter { country: Some("GB".into()), sms: true, ..CatalogueFilter::default() };
    let offers = provider.catalogue(&filter, None).await.unwrap().rows;
    let offer = &offers[0];
    assert_eq!((offer.id.0.as_str(), offer.kind), ("gb-mobile", NumberKind::Mobile));
    assert_eq!(offer.trial, Some(TrialTerms { hours: 336, messages: Some(5), calls: Some(1) }));
    assert_eq!(offer.documents, [DocumentKind::Passport, DocumentKind::RegistrationAddress]);

    let wish = OrderRequest { offer: offer.id.clone(), quantity: 1, months: 1, trial: false };
    let quote = provider.quote(&wish).await.unwrap();
    assert_eq!((quote.total, quote.cashback), (dollars("3.20"), Some(dollars("0.16"))));
    let order = provider.order(&key("o"), &wish).await.unwrap();
    let again = provider.order(&key("o"), &wish).await.unwrap();
    assert_eq!((order.state.clone(), &order.id), (OrderState::Done, &again.id));
    assert_eq!(provider.orders().await.unwrap().len(), 1);
    let number = order.numbers[0].clone();
    assert_eq!(number.terms.auto_renew, Some(true));
    let forwarding = Forwarding {
        targets: vec![ForwardTarget::OwnSip, ForwardTarget::Phone("+447700900318".into())],
        order: RingOrder::Sequential,
    };
    assert_eq!(provider.forwarding(&number.id).await.unwrap(), Forwarding::default());
    assert_eq!(provider.set_forwarding(&number.id, &forwarding).await.unwrap(), forwarding);
    assert_eq!(provider.set_caller_id(&number.id, true).await.unwrap().terms.caller_id, Some(true));
    assert_eq!(provider.sip_credentials().await.unwrap().map(|sip| sip.user), None);
    assert_eq!(provider.issue_sip().await.unwrap().user, customer.user);
    let kept = provider.set_auto_renew(&number.id, false).await.unwrap();
    assert_eq!(kept.terms.expires_on, kept.renews_on);

    let base = customer.house.sandbox.http_url();
    let change = ClockChange::Set("2025-02-02T09:00:00Z".into());
    let told = clock(&base, Some(&change)).await.unwrap();
    assert_eq!(told.now.to_string(), "2025-02-02T09:00:00Z");
    let back = clock(&base, Some(&ClockChange::Advance("-1 day".into()))).await;
    assert!(matches!(back, Err(ProviderError::Refused { code, .. }) if code == "clock_backwards"));
    let expired = provider.numbers().await.unwrap().remove(0);
    assert_eq!(expired.state, NumberState::Expired);
    assert_eq!(expired.terms.restorable_until.unwrap().to_string(), "2025-02-11");
    let refused = provider.restore(&key("r"), &number.id).await;
    assert!(matches!(refused, Err(ProviderError::Refused { code, .. }) if code == "insufficient_funds"));
    customer.pay_in("5").await;
    assert_eq!(provider.restore(&key("r"), &number.id).await.unwrap().state, NumberState::Active);
    let left = provider.delete_number(&number.id).await;
    assert!(matches!(left, Err(ProviderError::Refused { code, .. }) if code == "not_in_profile"));
}

#[tokio::test]
async fn the_adapter_knows_disposable_numbers_money_and_papers() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let provider = adapter(&customer);
    let offers = provider.disposable_offers().await.unwrap();
    assert_eq!((offers.len(), offers[0].service.as_str()), (3, "Acme"));
    let number = provider.order_disposable(&key("d"), "GB", "Acme").await.unwrap();
    assert_eq!((number.state, &number.price), (DisposableState::Waiting, &dollars("0.60")));
    customer.at("2025-01-02T09:20:00Z").await;
    assert_eq!(provider.disposable_numbers().await.unwrap()[0].state, DisposableState::Refunded);

    let filter = TransactionFilter { kinds: vec![TransactionType::Refund], ..TransactionFilter::default() };
    let refunds = provider.transactions(&filter, None).await.unwrap().rows;
    assert_eq!((refunds.len(), &refunds[0].amount), (1, &dollars("0.60")));

    let rule = AutomaticTopUp { below: "7.50".parse().unwrap(), amount: "10".parse().unwrap() };
    provider.set_automatic_topup(Some(&rule)).await.unwrap();
    let account = provider.account().await.unwrap();
    assert_eq!(account.automatic_topup.unwrap().below, rule.below);
    assert_eq!(account.cashback.unwrap().rate_percent.to_string(), "5");
    assert_eq!(account.send_limits.unwrap().per_day, Some(500));
    provider.set_automatic_topup(None).await.unwrap();
    assert_eq!(provider.account().await.unwrap().automatic_topup, None);

    let claim = RefundRequest {
        service: number.id.clone(),
        amount: dollars("0.60"),
        reason: "changed_mind".into(),
        explanation: String::new(),
        payment_details: None,
    };
    let refund = provider.request_refund(&key("c"), &claim).await.unwrap();
    assert!(matches!(&refund.state, RefundState::Refused { code, .. } if code == "changed_mind"));
    assert_eq!(provider.refunds().await.unwrap(), [refund]);

    let rate = provider.rate("+447700900318", None).await.unwrap();
    assert!(matches!(rate.call, Permission::Refused { code, .. } if code == "documents_required"));
    let file =
        File { name: "p.png".into(), media_type: "image/png".into(), bytes: b"\x89PNG\r\n\x1a\n".to_vec() };
    let paper = provider.upload_document(&NewDocument::Passport(file)).await.unwrap();
    assert_eq!((paper.kind, paper.state), (DocumentKind::Passport, DocumentState::InReview));
    assert_eq!(provider.documents().await.unwrap().len(), 1);
}
