//! Files that are right are read without a finding.

use std::path::Path;

use spoa_handlers::{
    configuration::{Address, Configuration},
    file::{Group, load_text},
    finding::Report,
};

use crate::{broken_files::environment, sample_kinds};

#[test]
fn a_whole_example_is_read() {
    let text = include_str!("../whole.toml");
    let mut loaded = load_text(Path::new("whole.toml"), text, &environment);
    let configuration = Configuration::read(&mut loaded);
    sample_kinds::read(&mut loaded);
    let report = Report::new(&loaded.findings, &loaded.sources).to_string();
    assert_eq!(report, "");
    let count = |group| loaded.document.sections(group).count();
    assert_eq!(count(Group::Handler), 10);
    assert_eq!(count(Group::Data), 5);
    assert_eq!(count(Group::Test), 1);
    let (address, net) = &configuration.listeners["net"];
    assert_eq!(*address, Address::Tcp("0.0.0.0:12345".to_owned()));
    assert!(net.tls.as_ref().unwrap().client_ca.is_some());
    let message = &configuration.messages["check-request"];
    let run = message.run.as_ref().unwrap();
    let steps: Vec<_> = run.steps().map(|step| step.name.as_str()).collect();
    assert_eq!(steps[..4], ["known_bad", "geo", "tenant", "login_limit"]);
    assert_eq!(run.0[0].len(), 3);
    assert_eq!(configuration.secrets.len(), 3);
}
