//! What the window says before money is spent: of a number that is dialled, of a message that is written, of the
//! account's numbers. The figures are the sandbox's.

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_a_message_and_the_numbers_are_priced_before_they_cost() {
    let desk = Desk::start().await;
    let window = desk.open().await;
    window.see_attribute("registration-state", "data-state", "registered").await;
    let month = window.read("numbers-month", "a sum", |text| text.contains("Next 30 days: $")).await;
    assert!(!month.contains("more than the balance"), "{month}");

    window.type_into("dial-input", "+44 7700 900142").await;
    let rate = desk.provider.get("/v1/rates?to=%2B447700900142").await;
    let amount = rate["minute"]["amount"].as_str().expect("a price").trim_end_matches('0').to_owned();
    let facts = window.read("target-facts", "the price", |text| text.contains("a minute")).await;
    assert!(facts.starts_with("United Kingdom · $") && facts.contains(&amount), "{facts}: {amount}");
    assert!(facts.contains("enough for "), "{facts}");
    // The account's first number is French.
    window.read("target-shown", "what they see", |text| text.contains("only in its own country")).await;
    window.picture("dialled");

    window.type_into("dial-input", "911").await;
    window.read("target-verdict", "a refusal", |text| text.contains("emergency")).await;

    window.click("new-message").await;
    window.type_into("compose-to", "+44 7700 900142").await;
    window.type_into("composer", "Привет").await;
    window.read("composer-count", "a price", |text| text.starts_with("1 SMS, 64 characters left · $")).await;
    window.picture("written");
    window.quit().await;
}
