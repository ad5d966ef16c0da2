//! The one list of system packages. Debian's names are tried by the tests' own machine; Fedora's and Arch's
//! are not verified.

/// What a package is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Building the app and opening its window.
    Build,
    /// Opening the window on a machine without a display or a sound card.
    Headless,
    /// The tests: they also need [`Group::Headless`].
    Tests,
    /// What only the benchmarks need besides.
    Bench,
}

impl Group {
    /// Every group that building and testing need.
    pub const ALL: [Self; 3] = [Self::Build, Self::Headless, Self::Tests];

    /// The purpose in a word or two, for a sentence.
    pub fn purpose(&self) -> &'static str {
        match self {
            Self::Build => "building",
            Self::Headless => "a window without a display",
            Self::Tests => "testing",
            Self::Bench => "measuring",
        }
    }
}

/// One package under its names in the distributions; empty where a distribution has none.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// What it is for.
    pub group: Group,
    /// Debian's and Ubuntu's name.
    pub debian: &'static str,
    /// Fedora's name.
    pub fedora: &'static str,
    /// Arch's name.
    pub arch: &'static str,
    /// The programs that we start from it.
    pub programs: &'static [&'static str],
}

/// All packages.
pub const PACKAGES: &[Package] = {
    use Group::{Bench, Build, Headless, Tests};
    &[
        package(Build, "build-essential", "gcc-c++", "base-devel", &["cc", "c++", "make"]),
        package(Build, "pkg-config", "pkgconf-pkg-config", "pkgconf", &["pkg-config"]),
        package(Build, "cmake", "cmake", "cmake", &["cmake"]),
        package(Build, "git", "git", "git", &["git"]),
        package(Build, "ca-certificates", "ca-certificates", "ca-certificates", &[]),
        package(Build, "libwebkit2gtk-4.1-dev", "webkit2gtk4.1-devel", "webkit2gtk-4.1", &[]),
        // The cipher of the database.
        package(Build, "libssl-dev", "openssl-devel", "openssl", &[]),
        package(Build, "libdbus-1-dev", "dbus-devel", "dbus", &[]),
        package(
            Build,
            "libayatana-appindicator3-1",
            "libayatana-appindicator-gtk3",
            "libayatana-appindicator",
            &[],
        ),
        package(Build, "librsvg2-dev", "librsvg2-devel", "librsvg", &[]),
        package(Build, "libasound2-dev", "alsa-lib-devel", "alsa-lib", &[]),
        package(Headless, "xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb", &["Xvfb"]),
        package(Headless, "imagemagick", "ImageMagick", "imagemagick", &["import", "identify", "display"]),
        package(Headless, "dbus", "dbus-daemon", "dbus", &["dbus-daemon", "dbus-send"]),
        package(Headless, "pulseaudio", "pulseaudio", "pulseaudio", &["pulseaudio"]),
        package(Headless, "pulseaudio-utils", "pulseaudio-utils", "libpulse", &["pactl", "paplay", "parec"]),
        package(Headless, "libasound2-plugins", "alsa-plugins-pulseaudio", "alsa-plugins", &[]),
        package(Headless, "gnome-keyring", "gnome-keyring", "gnome-keyring", &["gnome-keyring-daemon"]),
        package(Headless, "dunst", "dunst", "dunst", &["dunst"]),
        package(Tests, "webkit2gtk-driver", "webkit2gtk4.1", "webkit2gtk-4.1", &["WebKitWebDriver"]),
        package(Tests, "xdotool", "xdotool", "xdotool", &["xdotool"]),
        package(Tests, "libglib2.0-bin", "glib2", "glib2", &["gdbus"]),
        package(Tests, "kamailio", "kamailio", "", &["kamailio"]),
        package(Tests, "kamailio-tls-modules", "kamailio-tls", "", &[]),
        // Debian's `baresip` adds a GTK front end to the program in baresip-core.
        package(Tests, "baresip-core", "baresip", "baresip", &["baresip"]),
        package(Tests, "linphone-cli", "linphone-console", "", &["linphonec"]),
        package(Tests, "rtpengine-daemon", "", "", &["rtpengine"]),
        package(Tests, "coturn", "coturn", "coturn", &["turnserver"]),
        package(Tests, "radicale", "radicale", "radicale", &["radicale"]),
        package(Tests, "coreutils", "coreutils", "coreutils", &["stdbuf"]),
        package(Tests, "sip-tester", "sipp", "", &["sipp"]),
        // An environment of its own for the one tool that is written in Python.
        package(Tests, "python3-venv", "python3", "python", &["python3"]),
        package(Tests, "iproute2", "iproute", "iproute2", &["ip"]),
        package(Tests, "util-linux", "util-linux", "util-linux", &["unshare"]),
        package(Bench, "wrk", "wrk", "wrk", &["wrk"]),
        // Somebody who speaks for more than a minute.
        package(Bench, "asterisk-core-sounds-en-g722", "asterisk-sounds-core-en-g722", "", &[]),
    ]
};

/// The package that brings a program, if it is one that we start.
pub fn providing(program: &str) -> Option<&'static Package> {
    PACKAGES.iter().find(|package| package.programs.contains(&program))
}

const fn package(
    group: Group,
    debian: &'static str,
    fedora: &'static str,
    arch: &'static str,
    programs: &'static [&'static str],
) -> Package {
    Package { group, debian, fedora, arch, programs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_comes_from_one_package() {
        let mut programs: Vec<&str> = PACKAGES.iter().flat_map(|package| package.programs).copied().collect();
        let count = programs.len();
        programs.sort_unstable();
        programs.dedup();
        assert_eq!(programs.len(), count);
        assert_eq!(providing("Xvfb").map(|package| package.debian), Some("xvfb"));
    }
}
