//! `audit`: a line of JSON for each message, written by a thread of its own.

use std::sync::Arc;

use super::audit_line::{AuditLine, Field};
use crate::{
    chain::{Decides, Decision, Found, Kind, Made, Making, Step, View},
    expression::Fault,
    file::{FilePath, List, SecretName, Text},
    finding::Finding,
    kind::{Description, Settings, WELL_KNOWN},
    trail::{RotatedFile, Rotation, Stdout, Trail},
    value::Size,
};

settings! {
    /// When a file begins anew.
    struct RotateSettings, "`rotate`" {
        /// How large the file becomes.
        size: Size,
        /// How many older files are kept beside it: `NAME.1` is the latest.
        files: u32 = 5,
    }
}

settings! {
    /// What `audit` is set to.
    struct AuditSettings, "`audit`" {
        /// What a line has beside its time: expressions, each under its own text; `action`, `reason` and `by` are the verdict.
        keep: List<Text>,
        /// Which of them are replaced by a keyed hash: the same value has the same hash, and no hash shows its value.
        hash: List<Text> = List(Vec::new()),
        /// The key of these hashes; without it, they are others after each start.
        hash_key: Option<SecretName>,
        /// The file that lines are appended to.
        file: Option<FilePath>,
        /// Whether lines go to the standard output.
        stdout: bool = false,
        /// When the file begins anew; by default never.
        rotate: Option<RotateSettings>,
        /// How much may wait for the disk: what comes beyond it is dropped and counted.
        queue: Size = Size(1 << 20),
    }
}

/// The kind `audit`.
pub(super) struct Audit;

/// A queue beyond it is a typing error.
const LARGEST: u64 = 1 << 30;

const DESCRIPTION: Description = Description {
    name: "audit",
    summary: "Writes a line of JSON for each message, also for those that another handler has decided.",
    arguments: WELL_KNOWN,
    variables: &[],
    reasons: &[],
    settings: AuditSettings::SETTINGS,
    example: r#"
[handler.trail]
kind = "audit"
file = "audit.jsonl"
keep = ["ip", "host", "path", "action", "reason", "by"]
hash = ["ip"]
rotate = { size = "100MiB", files = 5 }
"#,
};

impl Kind for Audit {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn sees_verdict(&self) -> bool {
        true
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: AuditSettings = making.settings()?;
        let fields = fields(&settings, making);
        let key = match &settings.hash_key {
            Some(name) => making.resources().secret(&name.name).cloned(),
            None => None,
        };
        let trail = trail(&settings, making);
        let line = AuditLine::new(fields?, key.as_deref());
        let step = Writing { trail: trail?, line };
        Some(Made { step: Box::new(step), variables: Vec::new(), decides: Decides::nothing() })
    }
}

fn fields(settings: &AuditSettings, making: &mut Making<'_, '_>) -> Option<Vec<Field>> {
    let List(keep) = &settings.keep;
    let List(hash) = &settings.hash;
    let is_hashed = |kept: &Text| hash.iter().any(|hash| hash.as_str() == kept.as_str());
    let is_kept = |hash: &Text| keep.iter().any(|kept| kept.as_str() == hash.as_str());
    if let Some(unknown) = hash.iter().find(|hash| !is_kept(hash)) {
        let title = format!("`hash` names `{}`, which is not kept", unknown.as_str());
        let finding = Finding::error(title)
            .at(unknown.place(), "not in `keep`")
            .help("write it in `keep` as well, in the same words");
        making.add(finding);
        return None;
    }
    let fields: Vec<_> =
        keep.iter().map(|kept| Field::read(kept, is_hashed(kept), making)).collect();
    fields.into_iter().collect()
}

/// Where lines go; nothing in it if files are only checked.
fn trail(settings: &AuditSettings, making: &mut Making<'_, '_>) -> Option<Arc<Option<Trail>>> {
    let queue = usize::try_from(settings.queue.0).ok().filter(|_| settings.queue.0 <= LARGEST);
    let Some(queue) = queue else {
        let finding = Finding::error("`queue` is larger than 1GiB");
        making.add(finding.at(making.place("queue"), "too large").help("write up to `\"1GiB\"`"));
        return None;
    };
    if settings.file.is_some() == settings.stdout {
        let finding = Finding::error("`audit` writes to a file or to the standard output")
            .at(making.place("file"), "names both or none of them")
            .help("write `file = \"audit.jsonl\"` or `stdout = true`");
        making.add(finding);
        return None;
    }
    if !making.resources().is_open() {
        return Some(Arc::new(None));
    }
    let rotation = settings.rotate.as_ref();
    let rotation = rotation.map(|rotate| Rotation { size: rotate.size.0, files: rotate.files });
    let path = settings.file.as_ref().map(|FilePath(path)| path.clone());
    let mut failure = None;
    let trail = making.shared(&format!("audit {path:?} {rotation:?} {queue}"), || {
        let started = match &path {
            Some(path) => {
                RotatedFile::new(path, rotation).and_then(|file| Trail::start(file, queue))
            }
            None => Trail::start(Stdout, queue),
        };
        started.map_err(|error| failure = Some(error)).ok()
    });
    if let Some(error) = failure {
        let finding = Finding::error(format!("the audit file cannot be opened: {error}"))
            .at(making.place("file"), "not opened")
            .help("make its folder, and let the agent write there");
        making.add(finding);
        return None;
    }
    Some(trail)
}

struct Writing {
    trail: Arc<Option<Trail>>,
    line: AuditLine,
}

impl Step for Writing {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        _: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        if let Some(trail) = &*self.trail {
            trail.push(&self.line.write(view));
        }
        Ok(None)
    }
}
