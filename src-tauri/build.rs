//! Generates the window's permissions. A command not listed here is open to every page, one listed needs a
//! capability to name it.

fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["dispatch", "ask", "subscribe", "choose_file"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
