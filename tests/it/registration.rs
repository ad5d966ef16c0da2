//! Registering, being refused, and leaving.

use tern_engine::api::{
    CallState, Command, ErrorCode, NewAccount, RegistrationState, Reply, Secret, Transport,
};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_registers_and_shows_its_numbers_and_balance() {
    let scene = Scene::start().await;
    let traveller = scene.traveller().await;
    let account = traveller.until_account("read", |a| a.balance.is_some().then(|| a.clone())).await;
    assert!(account.sandbox);
    assert_eq!(account.address, "traveller@sandbox.tern.example");
    let numbers: Vec<String> = account.numbers.iter().map(|number| number.e164.clone()).collect();
    assert_eq!(numbers, traveller.person.demo.numbers);
    assert_eq!(account.balance.map(|balance| balance.money.currency).as_deref(), Some("USD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_stops_registration_until_the_right_one_is_given() {
    let scene = Scene::start().await;
    let person = scene.someone("Demo friend");
    let sip = person.demo.sip.clone();
    let mut friend = person.opens_tern().await;
    let account = NewAccount {
        name: String::new(),
        user: sip.user,
        domain: sip.domain,
        password: Secret("not the password".into()),
        proxy: Some(sip.proxy),
        transport: Transport::Udp,
        options: None,
        provider: None,
    };
    let Ok(Reply::AccountAdded { account }) = friend.does(Command::AddAccount { account }).await else {
        panic!("not added")
    };
    friend.account = account.clone();
    let error = friend
        .until_account("stopped", |account| match &account.registration {
            RegistrationState::Stopped { error } => Some(error.clone()),
            RegistrationState::Retrying { .. } => panic!("tries again with a password that was refused"),
            _ => None,
        })
        .await;
    assert_eq!(error.code, ErrorCode::WrongPassword);

    let refused =
        friend.does(Command::PlaceCall { account: account.clone(), target: "echo".into(), show: None }).await;
    assert_eq!(refused.expect_err("not registered").code, ErrorCode::NotRegistered);

    let password = Secret(sip.password.reveal().to_owned());
    friend.does(Command::ProvidePassword { account, password }).await.expect("taken");
    friend
        .until_account("registered", |a| (a.registration == RegistrationState::Registered {}).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_quits_is_not_registered_any_more() {
    let scene = Scene::start().await;
    let (traveller, friend) = (scene.traveller().await, scene.friend().await);
    let number = friend.number().to_owned();

    let rings = traveller.calls(&number).await;
    friend.is_called(0).await;
    traveller.hangs_up(&rings).await;
    traveller.until_call(&rings, CallState::Ended).await;

    friend.leaves().await;
    let call = traveller.calls(&number).await;
    let end = traveller.until_call(&call, CallState::Ended).await.end.expect("an end");
    assert_eq!(end.error.map(|error| error.code), Some(ErrorCode::NotAnswered));
}
