//! The schema of the file, held by a validator that is not ours.

use jsonschema::Validator;
use serde_json::Value;
use spoa_handlers::{
    chain::CommonSettings,
    file::Group,
    kind::{Description, Settings},
    kinds::KINDS,
    schema::{Kinds, schema},
    value::{Percentage, Quantity, Rate, Size},
};

fn kinds() -> Vec<&'static Description> {
    Kinds::all(KINDS).into_iter().flat_map(|kinds| kinds.descriptions).collect()
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema(KINDS)).unwrap()
}

fn of_toml(text: &str) -> Value {
    toml::from_str(text).unwrap()
}

#[track_caller]
fn complaints(text: &str) -> Vec<String> {
    let file = of_toml(text);
    validator().iter_errors(&file).map(|error| error.to_string()).collect()
}

#[test]
fn the_schema_is_one() {
    jsonschema::draft202012::meta::validate(&schema(KINDS)).unwrap();
}

#[test]
fn the_whole_example_is_valid_as_far_as_its_kinds_are_there() {
    let mut file = of_toml(include_str!("../whole.toml"));
    // A limit that agents share needs a store, of which there is none yet.
    let limit = file["handler"]["login_limit"].as_object_mut().unwrap();
    limit.retain(|key, _| key != "store" && key != "on_error");
    let known: Vec<_> = kinds().iter().map(|kind| kind.name).collect();
    for (group, name) in [("handler", "rules"), ("data", "blocklists")] {
        let sections = file[group].as_object_mut().unwrap();
        sections.retain(|_, section| known.iter().any(|kind| section["kind"] == *kind));
        assert!(sections.contains_key(name));
    }
    let found: Vec<_> = validator().iter_errors(&file).map(|error| error.to_string()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_example_of_each_kind_is_valid() {
    for kind in kinds() {
        let found = complaints(kind.example);
        assert!(found.is_empty(), "{}: {found:#?}", kind.name);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_wrong_for_the_schema() {
    for (text, part) in [
        ("[mesage.m]\nrun = []", "mesage"),
        ("[message.m]\nrun = []", "run"),
        ("[message.m]\ndeadline = \"1s\"", "deadline"),
        ("[agent]\ndeadline = 150", "150"),
        ("[agent]\ndeadline = \"150\"", "150"),
        ("[agent]\nworkers = 70000", "70000"),
        ("[agent]\ndaedline = \"1s\"", "daedline"),
        ("[limits]\nmemory = \"256MB\"", "256MB"),
        ("[log]\nformat = \"xml\"", "xml"),
        ("[listen.a]\ntcp = \"127.0.0.1:1\"\ntls = { cert = \"a\" }", "key"),
        ("[listen.\"a b\"]\ntcp = \"127.0.0.1:1\"", "a b"),
        ("[handler.Big]\nkind = \"rules\"\nrules = []", "Big"),
        ("[handler.a]\nkind = \"rule\"\nrules = []", "rule"),
        ("[handler.a]\nrules = []", "kind"),
        ("[handler.a]\nkind = \"rules\"\nrules = []\nmode = \"on\"", "on"),
        ("[handler.a]\nkind = \"rules\"\nrules = [{ if = \"true\", then = \"refuse\" }]", "refuse"),
        ("[handler.a]\nkind = \"rules\"\nrules = [{ then = \"deny\" }]", "deny"),
        ("[handler.a]\nkind = \"set\"", "set"),
        ("[data.a]\nkind = \"ip-lists\"\nfile = \"a\"", "ip-lists"),
        ("[data.a]\nkind = \"mmdb\"\nfile = \"a\"\nmax_size = 5", "5"),
    ] {
        let found = complaints(text).join("\n");
        assert!(found.contains(part), "{text}: {found}");
    }
}

#[test]
fn a_variable_of_the_environment_can_stand_for_any_value() {
    let text = "
        [agent]
        deadline = \"${DEADLINE:-1s}\"
        workers = \"${WORKERS}\"
        [listen.a]
        tcp = \"127.0.0.1:${PORT}\"
        proxy_protocol = \"${PROXY}\"
        [log]
        format = \"${FORMAT}\"
        [trace]
        otlp = \"${OTLP}\"
        ratio = \"${RATIO}\"
    ";
    assert_eq!(complaints(text), [""; 0]);
}

#[test]
fn defaults_and_words_of_the_settings_are_in_it() {
    let schema = schema(KINDS);
    let agent = &schema["properties"]["agent"]["properties"];
    assert_eq!(agent["deadline"]["default"], "1s");
    assert!(agent["deadline"]["description"].as_str().unwrap().contains("answer"));
    let rules = &schema["$defs"]["handler.rules"]["properties"];
    assert_eq!(rules["mode"]["default"], "enforce");
    assert_eq!(schema["properties"]["limits"]["properties"]["connections"]["default"], 10_000);
    for group in Group::ALL {
        let description = &schema["properties"][group.name()]["description"];
        assert!(description.as_str().is_some_and(|text| text.ends_with('.')), "{}", group.name());
    }
    for default in CommonSettings::SETTINGS.iter().filter_map(|setting| setting.default()) {
        assert!(spoa_handlers::file::json_of(&default).is_some(), "{default}");
    }
}

/// Whether a pattern takes a text exactly if it is read.
#[track_caller]
fn agree<Q: Quantity>(texts: &[&str]) {
    let schema = serde_json::json!({ "pattern": format!("^{}$", Q::PATTERN) });
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for text in texts {
        let is_read = Q::read(text).is_some();
        assert_eq!(validator.is_valid(&Value::from(*text)), is_read, "{text}");
    }
}

#[test]
fn a_quantity_is_valid_if_it_can_be_read() {
    let no = ["", "5", "s", "-1s", "1.5s", "1x", " 1s", "1s "];
    agree::<std::time::Duration>(
        &[&no[..], &["0s", "1us", "2 ms", "3m", "3min", "4h", "5d", "1S"]].concat(),
    );
    agree::<Size>(
        &[&no[..], &["0B", "1k", "1K", "1 KiB", "2m", "2mib", "3g", "1MB", "1kb"]].concat(),
    );
    agree::<Rate>(
        &[&no[..], &["0/s", "1/s", "1 / min", "5/10s", "5/ms", "1/5", "1/d", "00/s"]].concat(),
    );
    agree::<Percentage>(
        &[&no[..], &["0%", "5 %", "0.5%", "0.25%", "0.255%", "1.%", ".5%"]].concat(),
    );
}

#[test]
fn the_page_of_each_kind_has_its_own_settings_and_those_of_all() {
    let all = Kinds::all(KINDS);
    let each = all.iter().flat_map(|kinds| kinds.descriptions.iter().map(move |one| (kinds, one)));
    for (kinds, description) in each {
        let page = kinds.page(description);
        let settings = description.settings.iter().chain(kinds.common);
        for name in settings.map(|setting| setting.name) {
            assert!(page.contains(&format!("| `{name}` |")), "{name}: {page}");
        }
        assert!(page.starts_with(&format!("# {}\n", description.name)), "{page}");
        assert!(page.contains(description.example.trim()), "{page}");
    }
}
