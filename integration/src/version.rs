//! The HAProxy branches under test, and where their binaries come from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use crate::Failure;

/// A branch of HAProxy.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// The old SPOE engine, without its later fixes.
    V2_6,
    /// The old SPOE engine, as long as it is maintained.
    V2_8,
    /// The last of the old SPOE engine.
    V3_0,
    /// The new engine, a multiplexer.
    V3_2,
    /// The new engine after 3.3 changed defaults: `balance random`, `option abortonclose`.
    V3_4,
}

impl Version {
    /// All branches under test, oldest first.
    pub const ALL: [Self; 5] = [Self::V2_6, Self::V2_8, Self::V3_0, Self::V3_2, Self::V3_4];

    /// The branch as HAProxy writes it: `3.0`.
    #[must_use]
    pub fn branch(self) -> &'static str {
        match self {
            Self::V2_6 => "2.6",
            Self::V2_8 => "2.8",
            Self::V3_0 => "3.0",
            Self::V3_2 => "3.2",
            Self::V3_4 => "3.4",
        }
    }

    /// Whether SPOE is the multiplexer of 3.1 and later: no fragments, no async, ids per connection.
    #[must_use]
    pub fn has_new_engine(self) -> bool {
        self >= Self::V3_2
    }

    /// Whether `send-proxy` and `send-proxy-v2` on the server line of an agent are ignored, with a
    /// warning: from 3.3 on.
    #[must_use]
    pub fn ignores_proxy_headers(self) -> bool {
        self >= Self::V3_4
    }

    /// Lines of its `global` section without which it warns: from 3.4 on, root has to choose a chroot.
    #[must_use]
    pub fn global_lines(self) -> &'static [&'static str] {
        let warns_of_root = self >= Self::V3_4 && rustix::process::geteuid().is_root();
        if warns_of_root { &["chroot /", "user root"] } else { &[] }
    }

    /// The variable that names a binary to use instead of the fetched one: `SPOA_HAPROXY_3_0`.
    #[must_use]
    pub fn variable(self) -> String {
        format!("SPOA_HAPROXY_{}", self.branch().replace('.', "_"))
    }

    /// Finds the binary: the one named by [`variable`](Self::variable), else the one that
    /// `integration/haproxy/get` keeps under `target/haproxy`.
    ///
    /// # Errors
    /// The variable names no HAProxy of this branch, or the script failed; with its words.
    pub async fn binary(self) -> Result<PathBuf, Failure> {
        match std::env::var_os(self.variable()) {
            Some(path) => self.named(PathBuf::from(path)).await,
            None => self.fetched().await,
        }
    }

    /// What the binary says about itself: `HAProxy version 3.0.11-1+deb13u5 2026/11/18 …`.
    ///
    /// # Errors
    /// As [`binary`](Self::binary).
    pub async fn full(self) -> Result<String, Failure> {
        describe(&self.binary().await?).await
    }

    async fn named(self, path: PathBuf) -> Result<PathBuf, Failure> {
        let said = describe(&path).await?;
        if said.contains(&format!("version {}", self.branch())) {
            return Ok(path);
        }
        let sentence = format!("{} names {}, which is {said}", self.variable(), path.display());
        Err(Failure::new(sentence))
    }

    async fn fetched(self) -> Result<PathBuf, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cache = here.join("../target/haproxy").join(self.branch());
        let script = here.join("haproxy/get");
        run(Command::new(&script).arg(self.branch()).arg(&cache)).await?;
        Ok(cache.join("haproxy"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HAProxy {}", self.branch())
    }
}

async fn describe(binary: &Path) -> Result<String, Failure> {
    let output = run(Command::new(binary).arg("-v")).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

pub(crate) async fn run(command: &mut Command) -> Result<Output, Failure> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output =
        command.output().await.map_err(Failure::during(format!("cannot run {program}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let failure = Failure::new(format!("{program}: {}", output.status));
    Err(failure.with("its stderr", &String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn the_branches_from_3_1_on_have_the_new_engine() {
        let engines = Version::ALL.map(Version::has_new_engine);
        assert_eq!(engines, [false, false, false, true, true]);
    }

    #[test]
    fn the_variable_has_no_dot() {
        assert_eq!(Version::V2_6.variable(), "SPOA_HAPROXY_2_6");
    }
}
