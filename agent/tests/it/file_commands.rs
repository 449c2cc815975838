//! The commands about the agent's file that need no file: `kinds` and `schema`.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::scene::{Outcome, spoa_agent, to_the_end};

#[track_caller]
fn printed(args: &[&str]) -> String {
    let outcome = spoa_agent(args);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{args:?}: {outcome:?}");
    outcome.stdout
}

#[test]
fn each_kind_is_listed_with_its_summary_and_has_a_page() {
    let list = printed(&["kinds"]);
    let kinds: Vec<_> = list.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    for line in &kinds {
        assert!(line.ends_with('.') && line.contains("  "), "{line:?} has no summary");
    }
    let names: Vec<_> = kinds.iter().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"rules") && names.contains(&"ip-list"), "{list}");
    for name in names {
        let page = printed(&["kinds", name]);
        assert!(page.starts_with(&format!("# {name}\n\n")), "{page}");
        let (section, common) = if page.contains("```toml\n[handler.") {
            ("[handler.", "## Settings of every handler\n")
        } else {
            ("[data.", "## Settings of all data\n")
        };
        assert!(page.contains(section) && page.contains(common), "{page}");
    }
}

#[test]
fn a_kind_that_does_not_exist_is_wrong_usage() {
    let outcome = spoa_agent(&["kinds", "rule"]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""));
    assert!(outcome.stderr.contains(r#"no kind "rule"; did you mean `rules`?"#), "{outcome:?}");
    assert!(outcome.stderr.contains("kinds` lists them all"), "{outcome:?}");
    let hostile = spoa_agent(&["kinds", "\u{1b}[2J\nerror: forged\u{202e}"]);
    let line = hostile.stderr.strip_suffix('\n').unwrap();
    assert_eq!(hostile.code, Some(2));
    assert!(line.chars().all(spoa_actors::ForeignText::is_plain), "{line:?}");
}

#[test]
fn the_schema_is_json_with_each_kind_and_each_section() {
    let schema: Value = serde_json::from_str(&printed(&["schema"])).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let list = printed(&["kinds"]);
    let definitions = schema["$defs"].as_object().unwrap();
    for name in list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()) {
        let ending = format!(".{name}");
        let kind = definitions.iter().find(|(key, _)| key.ends_with(&ending)).unwrap().1;
        assert_eq!(kind["properties"]["kind"]["const"], name);
    }
    let rules = &schema["$defs"]["handler.rules"]["properties"];
    assert!(rules["when"]["description"].is_string(), "{rules}");
    assert!(
        schema["properties"]["listen"]["additionalProperties"]["properties"]["tcp"].is_object()
    );
}

#[test]
fn a_full_disk_is_reported_with_exit_code_1() {
    for command in ["kinds", "schema"] {
        let mut shell = Command::new("sh");
        let script = format!("exec \"$0\" {command} >/dev/full");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_spoa-agent")]).stdin(Stdio::null());
        let Outcome { code, stderr, .. } = to_the_end(shell);
        assert_eq!(code, Some(1), "{command}: {stderr}");
        assert!(stderr.starts_with("error: cannot print the output: No space left"), "{stderr}");
    }
}
