//! The rule by which a toolchain is chosen: facts in, way out.
//!
//! Owns the order of the ways and the words for what is missing. Must not look at the machine: it is pure, and each
//! branch has a test. "Fails" with [`Missing`], which carries the one command to type.

use crate::environment::Environment;

use super::WISH_VAR;

/// What the user asks for by `SPACEHOST_GUEST_TOOLCHAIN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// The first way that works.
    #[default]
    Auto,
    /// Only what rustup has.
    Rustup,
    /// Only the distribution's compiler.
    Distro,
}

impl Wish {
    /// The wish of these surroundings, or the word that is none.
    pub fn of(environment: &Environment) -> Result<Self, String> {
        match environment.var(WISH_VAR).map(|wish| wish.to_string_lossy()) {
            None => Ok(Self::Auto),
            Some(word) => match word.as_ref() {
                "auto" => Ok(Self::Auto),
                "rustup" => Ok(Self::Rustup),
                "distro" => Ok(Self::Distro),
                other => Err(other.to_owned()),
            },
        }
    }
}

/// A way to a toolchain. The last two change the machine and lead to one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// rustup's installed target wasm32-wasip2.
    RustupTarget,
    /// The distribution's compiler builds std from its sources.
    DistroStd,
    /// rustup's compiler builds std from its component rust-src.
    RustupStd,
    /// `rustup target add wasm32-wasip2`.
    AddTarget,
    /// The distribution's packages.
    InstallPackages,
}

impl Way {
    /// Whether it can be gone without changing the machine.
    pub fn is_ready(self) -> bool {
        !matches!(self, Self::AddTarget | Self::InstallPackages)
    }

    /// The way in words.
    pub(crate) fn as_words(self) -> &'static str {
        match self {
            Self::RustupTarget => "rustup's target wasm32-wasip2",
            Self::DistroStd => "the distribution's compiler, with std built from its sources",
            Self::RustupStd => "rustup's compiler, with std built from its sources",
            Self::AddTarget => "adding rustup's target wasm32-wasip2",
            Self::InstallPackages => "installing the distribution's packages",
        }
    }

    /// The command that goes this way; a ready way needs none.
    pub(crate) fn as_command(self) -> String {
        match self {
            Self::AddTarget => "rustup target add wasm32-wasip2".to_owned(),
            Self::InstallPackages => format!("apt-get install {}", PACKAGES.join(" ")),
            Self::RustupTarget | Self::DistroStd | Self::RustupStd => String::new(),
        }
    }
}

/// What was seen of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    pub wish: Wish,
    /// Installs are not forbidden by `SPACEHOST_NO_INSTALL`.
    pub may_install: bool,
    /// rustup answers, and its compiler is new enough.
    pub rustup: bool,
    /// That compiler's libraries for wasm32-wasip2 are on disk.
    pub rustup_target: bool,
    /// That compiler's sources of std are on disk.
    pub rustup_sources: bool,
    /// The distribution's compiler is there, is new enough, and its sources of std are on disk.
    pub distro_sources: bool,
    /// A `wasm-component-ld` and the `wasm-ld` that it needs are there.
    pub component_linker: bool,
    /// The system is Debian 12, whose packages are known to work.
    pub debian_12: bool,
    /// The user may install packages.
    pub root: bool,
}

/// No way is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was looked for and not found.
    pub why: String,
    /// The one command to type.
    pub command: String,
}

/// The packages that make the distribution's way work on Debian 12.
pub(crate) const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The first way in the fixed order that the facts and the wish allow and that has not failed before.
pub fn decide(facts: &Facts, failed: &[(Way, String)]) -> Result<Way, Missing> {
    const ORDER: [Way; 5] = [Way::RustupTarget, Way::DistroStd, Way::RustupStd, Way::AddTarget, Way::InstallPackages];
    let untried = |way: &Way| failed.iter().all(|(tried, _)| tried != way);
    ORDER
        .into_iter()
        .filter(|way| is_wished(*way, facts.wish))
        .filter(untried)
        .find(|way| is_open(*way, facts))
        .ok_or_else(|| missing(facts, failed))
}

fn is_wished(way: Way, wish: Wish) -> bool {
    match wish {
        Wish::Auto => true,
        Wish::Rustup => matches!(way, Way::RustupTarget | Way::RustupStd | Way::AddTarget),
        Wish::Distro => matches!(way, Way::DistroStd | Way::InstallPackages),
    }
}

fn is_open(way: Way, facts: &Facts) -> bool {
    match way {
        Way::RustupTarget => facts.rustup && facts.rustup_target,
        Way::DistroStd => facts.distro_sources && facts.component_linker,
        Way::RustupStd => facts.rustup && facts.rustup_sources && facts.component_linker,
        Way::AddTarget => facts.may_install && facts.rustup,
        // Without the linker the packages would be of no use.
        Way::InstallPackages => facts.may_install && facts.debian_12 && facts.root && facts.component_linker,
    }
}

fn missing(facts: &Facts, failed: &[(Way, String)]) -> Missing {
    let mut why = match facts.wish {
        Wish::Auto => "neither rustup's target wasm32-wasip2 nor a new enough compiler with the sources of std \
                       and wasm-component-ld is there"
            .to_owned(),
        Wish::Rustup => format!("{WISH_VAR}=rustup, but rustup's target wasm32-wasip2 is not there"),
        Wish::Distro if !facts.distro_sources => {
            format!(
                "{WISH_VAR}=distro, but no new enough compiler of the distribution with the sources of std is there"
            )
        }
        Wish::Distro => {
            format!("{WISH_VAR}=distro, but wasm-component-ld, which comes with rustup's toolchain, is not there")
        }
    };
    for (way, reason) in failed {
        why.push_str(&format!("; {} failed: {reason}", way.as_words()));
    }
    if !facts.may_install {
        why.push_str("; SPACEHOST_NO_INSTALL forbids to install it");
    }
    let command = command(facts);
    Missing { why, command }
}

fn command(facts: &Facts) -> String {
    let distro_lacks_packages = facts.wish == Wish::Distro && !facts.distro_sources;
    if distro_lacks_packages && facts.component_linker {
        format!("sudo {}", Way::InstallPackages.as_command())
    } else if facts.rustup && facts.wish != Wish::Distro {
        Way::AddTarget.as_command()
    } else {
        // Whoever has rustup but no linker has a toolchain older than ours, and an update is the cure.
        "rustup update stable (if rustup itself is missing, get it from https://rustup.rs first)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with rustup and the right to install, and nothing else.
    fn bare() -> Facts {
        Facts { may_install: true, rustup: true, component_linker: true, ..Facts::default() }
    }

    fn debian() -> Facts {
        Facts { debian_12: true, root: true, ..bare() }
    }

    fn tried(ways: &[Way]) -> Vec<(Way, String)> {
        ways.iter().map(|way| (*way, "no network".to_owned())).collect()
    }

    #[test]
    fn an_installed_target_comes_first() {
        let facts = Facts { rustup_target: true, distro_sources: true, ..debian() };
        assert_eq!(decide(&facts, &[]), Ok(Way::RustupTarget));
    }

    #[test]
    fn a_compiler_with_sources_comes_before_any_install() {
        let distro = Facts { distro_sources: true, rustup_sources: true, ..debian() };
        assert_eq!(decide(&distro, &[]), Ok(Way::DistroStd));
        let rustup = Facts { rustup_sources: true, ..debian() };
        assert_eq!(decide(&rustup, &[]), Ok(Way::RustupStd));
    }

    #[test]
    fn sources_without_a_component_linker_are_of_no_use() {
        let facts = Facts { distro_sources: true, rustup_sources: true, component_linker: false, ..bare() };
        assert_eq!(decide(&facts, &[]), Ok(Way::AddTarget));
    }

    #[test]
    fn the_target_is_added_before_packages_are_installed() {
        assert_eq!(decide(&debian(), &[]), Ok(Way::AddTarget));
    }

    #[test]
    fn packages_come_after_the_target_could_not_be_added() {
        let failed = tried(&[Way::AddTarget]);
        assert_eq!(decide(&debian(), &failed), Ok(Way::InstallPackages));
    }

    #[test]
    fn packages_need_root_debian_12_and_the_linker() {
        let failed = tried(&[Way::AddTarget]);
        for facts in [
            Facts { root: false, ..debian() },
            Facts { debian_12: false, ..debian() },
            Facts { component_linker: false, ..debian() },
        ] {
            let missing = decide(&facts, &failed).unwrap_err();
            assert_eq!(missing.command, "rustup target add wasm32-wasip2");
            assert!(missing.why.contains("no network"), "{}", missing.why);
        }
    }

    #[test]
    fn nothing_is_installed_when_that_is_forbidden() {
        let facts = Facts { may_install: false, ..debian() };
        let missing = decide(&facts, &[]).unwrap_err();
        assert_eq!(missing.command, "rustup target add wasm32-wasip2");
        assert!(missing.why.contains("SPACEHOST_NO_INSTALL"), "{}", missing.why);
    }

    #[test]
    fn without_rustup_the_command_is_how_to_get_it() {
        let missing = decide(&Facts::default(), &[]).unwrap_err();
        assert!(missing.command.contains("rustup"), "{}", missing.command);
    }

    #[test]
    fn the_wish_for_rustup_passes_the_distribution_by() {
        let facts = Facts { wish: Wish::Rustup, distro_sources: true, ..debian() };
        assert_eq!(decide(&facts, &[]), Ok(Way::AddTarget));
        assert!(decide(&facts, &tried(&[Way::AddTarget])).is_err());
    }

    #[test]
    fn the_wish_for_the_distribution_passes_rustup_by() {
        let facts = Facts { wish: Wish::Distro, rustup_target: true, ..debian() };
        assert_eq!(decide(&facts, &[]), Ok(Way::InstallPackages));
        let missing = decide(&Facts { root: false, ..facts }, &[]).unwrap_err();
        assert_eq!(missing.command, "sudo apt-get install rustc-web cargo-web rust-web-src");
    }

    #[test]
    fn the_wish_is_one_of_three_words() {
        let wish = |word: &str| Wish::of(&Environment::empty("/").with(WISH_VAR, word));
        assert_eq!(wish(""), Ok(Wish::Auto));
        assert_eq!(wish("auto"), Ok(Wish::Auto));
        assert_eq!(wish("rustup"), Ok(Wish::Rustup));
        assert_eq!(wish("distro"), Ok(Wish::Distro));
        assert_eq!(wish("debian"), Err("debian".to_owned()));
    }
}
