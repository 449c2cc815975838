//! The configurations in `examples`, as HAProxy itself judges them.

use std::path::{Path, PathBuf};

use spoa_integration::{Version, on_every_haproxy};
use tokio::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The examples' own.
fn configurations() -> Vec<PathBuf> {
    let files = entries("examples/haproxy");
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "cfg")).collect();
    assert!(files.len() >= 10, "{files:?}");
    files
}

fn entries(folder: &str) -> impl Iterator<Item = PathBuf> {
    repository().join(folder).read_dir().unwrap().map(|entry| entry.unwrap().path())
}

/// What HAProxy says of a configuration that it takes.
async fn check(version: Version, path: &Path) -> String {
    let mut command = Command::new(version.binary().await.unwrap());
    let check = command.args(["-c", "-f"]).arg(path).current_dir(repository()).output();
    let check = check.await.unwrap();
    let said = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
    assert!(check.status.success(), "{}: {said}", path.display());
    said
}

on_every_haproxy! {
    #[tokio::test]
    async fn checklist_46_the_examples_load_without_a_warning(version: Version) {
        for path in configurations() {
            let said = check(version, &path).await;
            for complaint in ["[WARNING]", "[ALERT]", "[NOTICE]"] {
                assert!(!said.contains(complaint), "{}: {said}", path.display());
            }
        }
    }
}

on_every_haproxy! {
    #[tokio::test]
    async fn checklist_46_the_configurations_of_peers_load(version: Version) {
        let folders: Vec<_> = entries("examples/peers").collect();
        assert!(folders.len() >= 4, "{folders:?}");
        for folder in folders {
            let said = check(version, &folder.join("haproxy.cfg")).await;
            let warnings = said.matches("[WARNING]").count();
            // The one that has no `timeout hello` and no `timeout idle`, in two engines.
            let expected = said.matches("missing timeouts for SPOE agent").count();
            assert_eq!(warnings, expected, "{}: {said}", folder.display());
        }
    }
}
