//! The distribution's packages: which are missing, and how they are installed here.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use super::packages::{Group, PACKAGES, Package};
use crate::repository::{ask, run};
use crate::say;

/// Installs the missing packages of the groups.
pub(super) fn install(groups: &[Group]) -> Result<()> {
    let wanted: Vec<&Package> = PACKAGES.iter().filter(|package| groups.contains(&package.group)).collect();
    let Some(distribution) = Distribution::here() else {
        return explain_other_systems(&wanted);
    };
    let missing = distribution.missing(&names(&wanted, distribution));
    let unavailable: Vec<&str> =
        wanted.iter().filter(|p| distribution.name_of(p).is_empty()).map(|p| p.debian).collect();
    if !unavailable.is_empty() {
        say::note(&format!("not packaged here, install by hand: {}", unavailable.join(" ")));
    }
    if missing.is_empty() {
        say::note("system packages: all there");
        return Ok(());
    }
    say::note(&format!("installing {} system packages: {}", missing.len(), missing.join(" ")));
    distribution.install(&missing).with_context(|| {
        format!("the packages could not be installed. By hand: {}", distribution.by_hand(&missing))
    })?;
    let still = distribution.missing(&missing);
    if !still.is_empty() {
        bail!("still missing after the installation: {}", still.join(" "));
    }
    Ok(())
}

/// A family of Linux distributions, by its package tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distribution {
    Debian,
    Fedora,
    Arch,
}

impl Distribution {
    fn here() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        Self::from_os_release(&fs::read_to_string("/etc/os-release").unwrap_or_default())
    }

    /// From `ID` and `ID_LIKE` of os-release(5).
    fn from_os_release(text: &str) -> Option<Self> {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key))
                .map(|v| v.trim_matches('"'))
                .unwrap_or_default()
        };
        let ids = format!("{} {}", value("ID="), value("ID_LIKE="));
        ids.split_whitespace().find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            _ => None,
        })
    }

    fn name_of(self, package: &Package) -> &'static str {
        match self {
            Self::Debian => package.debian,
            Self::Fedora => package.fedora,
            Self::Arch => package.arch,
        }
    }

    fn missing<'a>(self, packages: &[&'a str]) -> Vec<&'a str> {
        match self {
            Self::Debian => {
                let mut query = Command::new("dpkg-query");
                query.args(["-W", "-f=${Package} ${db:Status-Status}\\n"]).args(packages);
                // It fails when it doesn't know one of them, and still lists the others.
                let listed = query.output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
                missing_in(&listed.unwrap_or_default(), packages)
            }
            Self::Fedora => each_missing("rpm", &["-q", "--whatprovides"], packages),
            Self::Arch => each_missing("pacman", &["-Qq"], packages),
        }
    }

    fn install(self, packages: &[&str]) -> Result<()> {
        match self {
            Self::Debian => {
                // A fresh image has no package lists at all, and old lists name files that are gone.
                let mut updated = false;
                if !has_package_lists() {
                    apt(&["update"])?;
                    updated = true;
                }
                let mut install = vec!["install", "--yes", "--no-install-recommends"];
                install.extend_from_slice(packages);
                match apt(&install) {
                    Err(_) if !updated => {
                        say::note("that failed; once more with fresh package lists");
                        apt(&["update"])?;
                        apt(&install)
                    }
                    result => result,
                }
            }
            Self::Fedora => run(as_root("dnf").args(["install", "--assumeyes"]).args(packages)),
            Self::Arch => run(as_root("pacman").args(["-S", "--needed", "--noconfirm"]).args(packages)),
        }
    }

    fn by_hand(self, packages: &[&str]) -> String {
        let tool = match self {
            Self::Debian => "apt-get install",
            Self::Fedora => "dnf install",
            Self::Arch => "pacman -S",
        };
        format!("{tool} {}", packages.join(" "))
    }
}

fn names(packages: &[&Package], distribution: Distribution) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        packages.iter().map(|p| distribution.name_of(p)).filter(|n| !n.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn missing_in<'a>(listed: &str, packages: &[&'a str]) -> Vec<&'a str> {
    let installed = |name: &str| {
        listed
            .lines()
            .any(|line| line.split_once(' ').is_some_and(|(n, state)| n == name && state == "installed"))
    };
    packages.iter().filter(|name| !installed(name)).copied().collect()
}

fn each_missing<'a>(program: &str, arguments: &[&str], packages: &[&'a str]) -> Vec<&'a str> {
    packages
        .iter()
        .filter(|name| ask(Command::new(program).args(arguments).arg(name)).is_none())
        .copied()
        .collect()
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = as_root("apt-get");
    command
        .args(["--quiet", "--option", "Dpkg::Use-Pty=0", "--option", "Acquire::Retries=3"])
        .args(arguments);
    run(&mut command)
        .context("apt-get (its last lines above say whether the network or a package is the reason)")
}

fn has_package_lists() -> bool {
    fs::read_dir(Path::new("/var/lib/apt/lists")).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|e| e.file_name().to_string_lossy().contains("_Packages")))
    })
}

/// A command that needs root's rights: as it is for root, through sudo for others.
fn as_root(program: &str) -> Command {
    let is_root = ask(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut command = if is_root {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        // sudo asks on the terminal itself; where there is none it must fail instead of waiting.
        if env::var_os("CI").is_some() {
            sudo.arg("--non-interactive");
        }
        // Its environment is reset, so the one setting that matters is given on the command line.
        sudo.args(["env", "DEBIAN_FRONTEND=noninteractive", program]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Nothing to install by ourselves there: say what is needed and go on, the build will tell what is missing.
fn explain_other_systems(wanted: &[&Package]) -> Result<()> {
    if cfg!(target_os = "macos") {
        say::note(
            "macOS: needs the Xcode command line tools (xcode-select --install) and cmake (brew install cmake)",
        );
    } else if cfg!(windows) {
        say::note("Windows: needs the Visual Studio Build Tools with C++, CMake, and the WebView2 runtime");
    } else {
        let list: Vec<&str> = wanted.iter().map(|p| p.debian).collect();
        say::note(&format!("unknown system: install what Debian calls {}", list.join(" ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_told_by_id_and_by_relatives() {
        let of = Distribution::from_os_release;
        assert_eq!(of("PRETTY_NAME=\"x\"\nID=debian\n"), Some(Distribution::Debian));
        assert_eq!(of("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some(Distribution::Debian));
        assert_eq!(of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), Some(Distribution::Fedora));
        assert_eq!(of("ID=arch\n"), Some(Distribution::Arch));
        assert_eq!(of("ID=plan9\n"), None);
    }

    #[test]
    fn removed_packages_with_files_left_are_missing() {
        let listed = "cmake installed\nxvfb config-files\nxdotool not-installed\n";
        assert_eq!(missing_in(listed, &["cmake", "xvfb", "xdotool", "dunst"]), ["xvfb", "xdotool", "dunst"]);
    }
}
