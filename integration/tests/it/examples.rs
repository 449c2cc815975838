//! The configurations in `examples/haproxy`, as HAProxy itself judges them.

use std::path::{Path, PathBuf};

use spoa_integration::on_every_haproxy;
use tokio::process::Command;

fn configurations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/haproxy");
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "cfg")).collect();
    assert!(files.len() >= 3, "{files:?}");
    files
}

on_every_haproxy! {
    #[tokio::test]
    async fn checklist_46_the_examples_load_without_a_warning(version: Version) {
        let binary = version.binary().await.unwrap();
        for path in configurations() {
            let check = Command::new(&binary).args(["-c", "-f"]).arg(&path).output().await.unwrap();
            let said = [check.stdout, check.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(check.status.success(), "{}: {said}", path.display());
            for complaint in ["[WARNING]", "[ALERT]", "[NOTICE]"] {
                assert!(!said.contains(complaint), "{}: {said}", path.display());
            }
        }
    }
}
