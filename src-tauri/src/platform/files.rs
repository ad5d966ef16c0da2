//! Where a new file is to lie: asked in the desktop's own dialog.

use std::path::PathBuf;

use tauri::WebviewWindow;

/// The path a person chose for a file that is called `name` so far; `None` where they changed their mind. Before a
/// file is replaced the dialog has asked.
#[cfg(target_os = "linux")]
pub(crate) async fn choose_new(window: &WebviewWindow, name: String) -> Option<PathBuf> {
    use gtk::glib::{MainContext, UserDirectory, user_special_dir};
    use gtk::prelude::{FileChooserExt, NativeDialogExt, NativeDialogExtManual};

    let (tell, told) = tokio::sync::oneshot::channel();
    let parent = window.clone();
    let ask = move || {
        // Not `run`: the loop inside it would keep the app's own from turning.
        MainContext::default().spawn_local(async move {
            let parent = parent.gtk_window().ok();
            let dialog =
                gtk::FileChooserNative::new(None, parent.as_ref(), gtk::FileChooserAction::Save, None, None);
            dialog.set_do_overwrite_confirmation(true);
            dialog.set_current_name(&name);
            if let Some(folder) = user_special_dir(UserDirectory::Documents) {
                dialog.set_current_folder(folder);
            }
            let pressed = dialog.run_future().await;
            let chosen = (pressed == gtk::ResponseType::Accept).then(|| dialog.filename()).flatten();
            dialog.destroy();
            // Whoever asked may have gone.
            let _ = tell.send(chosen);
        });
    };
    window.run_on_main_thread(ask).ok()?;
    told.await.ok().flatten()
}

/// The path a person chose for a file that is called `name` so far; `None` where they changed their mind. Before a
/// file is replaced the dialog has asked.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn choose_new(window: &WebviewWindow, name: String) -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().set_parent(window).set_file_name(name);
    dialog.save_file().await.map(|file| file.path().to_path_buf())
}
