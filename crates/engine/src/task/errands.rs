//! What is carried out beside the task, one after another, because the desktop may take its time: keyring,
//! notifications, clipboard, and the watch on sound devices.

use std::{sync::Arc, time::Duration};

use tern_provider::Secret;
use tokio::sync::{mpsc, oneshot};

use crate::{
    api::AccountId,
    core::{Input, SecretKind},
    ports::{Audio, Notification, OneTimeCode, Ports, SecretKey},
};

/// Keyring requests, carried out one after another.
pub(super) enum SecretErrand {
    Get(AccountId, SecretKind, SecretKey),
    Set(SecretKey, Secret),
    Delete(SecretKey),
}

/// Notifications and the clipboard, carried out one after another: what is closed must have been shown before.
pub(super) enum NoticeErrand {
    Show(Box<Notification>),
    Close(String),
    Copy(OneTimeCode),
    Clear(OneTimeCode),
    /// Tells when everything before it is done.
    Last(oneshot::Sender<()>),
}

pub(super) fn spawn_secrets(
    mut errands: mpsc::Receiver<SecretErrand>,
    ports: Ports,
    inputs: mpsc::Sender<Input>,
) {
    tokio::spawn(async move {
        while let Some(errand) = errands.recv().await {
            match errand {
                SecretErrand::Get(account, kind, key) => {
                    let result = ports.secrets.get(&key).await;
                    if inputs.send(Input::Secret(account, kind, result)).await.is_err() {
                        return;
                    }
                }
                SecretErrand::Set(key, secret) => {
                    if let Err(error) = ports.secrets.set(&key, &secret).await {
                        // It is asked for again at the next start.
                        tracing::warn!(%error, "a secret was not kept");
                    }
                }
                SecretErrand::Delete(key) => {
                    if let Err(error) = ports.secrets.delete(&key).await {
                        tracing::warn!(%error, "a secret was not deleted");
                    }
                }
            }
        }
    });
}

/// How long devices that come are waited for: one comes in a dozen pieces.
const SETTLING: Duration = Duration::from_millis(200);

/// Looks at the devices whenever they may be others.
pub(super) fn spawn_device_watch(audio: Arc<dyn Audio>, inputs: mpsc::Sender<Input>) {
    let (tell, mut told) = mpsc::channel::<()>(1);
    tokio::spawn(async move {
        let watch = {
            let audio = audio.clone();
            tokio::task::spawn_blocking(move || audio.watch(Box::new(move || _ = tell.try_send(())))).await
        };
        let Ok(Some(_watch)) = watch else { return };
        loop {
            tokio::select! {
                () = inputs.closed() => return,
                Some(()) = told.recv() => {}
                else => return,
            }
            tokio::time::sleep(SETTLING).await;
            let _ = told.try_recv();
            let audio = audio.clone();
            let Ok(devices) = tokio::task::spawn_blocking(move || audio.devices()).await else { return };
            if inputs.send(Input::Devices(devices)).await.is_err() {
                return;
            }
        }
    });
}

pub(super) fn spawn_notices(mut errands: mpsc::Receiver<NoticeErrand>, ports: Ports) {
    tokio::spawn(async move {
        while let Some(errand) = errands.recv().await {
            match errand {
                NoticeErrand::Show(notification) => ports.notifier.show(*notification).await,
                NoticeErrand::Close(tag) => ports.notifier.close(&tag).await,
                NoticeErrand::Copy(code) => {
                    if let Err(error) = ports.clipboard.copy(&code).await {
                        tracing::warn!(%error, "a code was not copied");
                    }
                }
                NoticeErrand::Clear(code) => ports.clipboard.clear(&code).await,
                NoticeErrand::Last(done) => {
                    let _ = done.send(());
                }
            }
        }
    });
}
