//! The file of the agent: whatever it holds, it is read to its end, and what is said about it is safe to print.
//!
//! Input: a file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use spoa_handlers::{
    configuration::Configuration,
    file::load_text,
    finding::{Finding, Report},
};

fn environment(name: &str) -> Option<String> {
    (name == "A").then(|| "a\u{1b}[2J\n".to_owned())
}

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let mut loaded = load_text(Path::new("a\u{1b}.toml"), &text, &environment);
    let configuration = Configuration::read(&mut loaded);
    let report = Report::new(&loaded.findings, &loaded.sources).to_string();
    let moves = |letter: char| letter.is_control() && letter != '\n';
    assert_eq!(report.find(moves), None, "{report:?}");
    assert_eq!(report.is_empty(), loaded.findings.is_empty());
    for place in loaded.findings.sorted().into_iter().filter_map(Finding::place) {
        let span = place.span();
        assert!(span.start <= span.end && span.end <= text.len(), "{span:?}");
    }
    for message in configuration.messages.values() {
        assert!(message.run.as_ref().is_none_or(|run| run.steps().count() > 0));
    }
});
