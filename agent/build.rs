//! Build: which commit the program is made of, and for which target.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// How much of a commit is shown.
const SHOWN: usize = 12;

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SPOA_COMMIT");
    let commit = given().or_else(|| packaged(&folder)).or_else(|| checked_out(&folder));
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=SPOA_BUILD_COMMIT={}", commit.get(..SHOWN).unwrap_or(&commit));
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=SPOA_BUILD_TARGET={target}");
}

/// Where there is no repository, as in a container, whoever builds it knows.
fn given() -> Option<String> {
    is_commit(env::var("SPOA_COMMIT").ok()?)
}

/// `cargo package` writes it down.
fn packaged(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(".cargo_vcs_info.json")).ok()?;
    let (_, behind) = text.split_once("\"sha1\"")?;
    is_commit(behind.split('"').nth(1)?.to_owned())
}

/// What the repository of this file has checked out.
fn checked_out(folder: &Path) -> Option<String> {
    let git = |words: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(words).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // Another one may be around a copy of the sources.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    // Both change when another commit is checked out, or is made.
    let of_head = git(&["rev-parse", "--git-path", "HEAD"]);
    let of_branch = git(&["symbolic-ref", "--quiet", "HEAD"])
        .and_then(|branch| git(&["rev-parse", "--git-path", &branch]));
    for file in [of_head, of_branch].into_iter().flatten() {
        let file = folder.join(file);
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }
    is_commit(git(&["rev-parse", "HEAD"])?)
}

fn is_commit(text: String) -> Option<String> {
    let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (text.len() >= 7 && is_hexadecimal).then_some(text)
}
