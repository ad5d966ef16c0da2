//! Adding funds: the provider's page in the browser, and a balance that follows by itself.

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn the_balance_follows_a_payment_in_the_browser() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    let before =
        window.read("balance", "an amount", |text| text.contains(|c: char| c.is_ascii_digit())).await;

    window.click("add-funds").await;
    window.type_into("amount-input", "25").await;
    window.picture("add-funds");
    window.click("topup-confirm").await;
    let page = desk.browser.opened().await;
    assert!(page.starts_with(&format!("{}/checkout/", desk.provider.url())), "{page}");
    window.see("topup-status").await;
    desk.provider.pay(&page).await;

    let account = desk.provider.get("/v1/account").await;
    let amount = account["balance"]["amount"].as_str().unwrap().to_owned();
    window.read("balance", &amount, |text| text != before && text.contains(&amount)).await;
    desk.notifications.wait_for("the payment", |n| n.title == "Funds added").await;
    window.picture("funds-added");
    window.quit().await;
}
