//! The files of HAProxy's side.

use spoa_handlers::configuration::{Action, Unanswered};

use super::{
    backend_section::write_backend,
    frontend_lines::write_frontend,
    haproxy_side::{HaproxySide, MessageSide},
    lines::Lines,
    pages::{CHALLENGE, DENIED},
    spoe_file::spoe_file,
};

/// A file, with its name in its folder.
#[derive(Clone, Debug)]
pub(super) struct HaproxyFile {
    pub(super) name: String,
    pub(super) text: String,
}

impl HaproxySide {
    /// All files: the lines of `haproxy.cfg`, the SPOE file, and the pages that are named in them.
    pub(super) fn files(&self) -> Vec<HaproxyFile> {
        let mut files = vec![
            HaproxyFile { name: self.main_name(), text: self.main_file() },
            HaproxyFile { name: self.spoe_name(), text: spoe_file(self) },
        ];
        let messages = || self.messages.iter();
        let closes = |message: &MessageSide| message.unanswered == Some(Unanswered::Deny);
        let mut pages = Vec::new();
        if messages().any(|message| message.may_refuse() || closes(message)) {
            pages.push(DENIED);
        }
        if messages().any(|message| message.may(Action::Challenge)) {
            pages.push(CHALLENGE);
        }
        let file = |page: super::pages::Page| HaproxyFile {
            name: page.name.to_owned(),
            text: page.text.to_owned(),
        };
        files.extend(pages.into_iter().map(file));
        files
    }

    /// The name of the file with the lines of `haproxy.cfg`.
    fn main_name(&self) -> String {
        format!("haproxy.{}.cfg", self.prefix)
    }

    /// The name of the SPOE file.
    pub(super) fn spoe_name(&self) -> String {
        format!("{}.spoe.conf", self.prefix)
    }

    fn main_file(&self) -> String {
        let mut lines = Lines::default();
        self.write_head("Lines of haproxy.cfg.", &mut lines);
        lines.head_comment("");
        lines.head_comment("Put them behind the lines of your frontend.");
        if self.folder.is_none() {
            lines.head_comment(
                "The files have no folder: write them with --write, or start HAProxy in theirs.",
            );
        }
        lines.gap();
        write_frontend(self, &mut lines);
        lines.gap();
        write_backend(self, &mut lines);
        lines.into_text()
    }

    /// What a file is, and how it was written.
    pub(super) fn write_head(&self, what: &str, lines: &mut Lines) {
        lines.head_comment(&format!(
            "{what} Written by `spoa-agent gen-config --haproxy {}` from {}.",
            self.version.branch(),
            self.file
        ));
    }
}
