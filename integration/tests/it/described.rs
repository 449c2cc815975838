//! An agent out of a file: its chains on their routes.

use std::{fs, path::Path, sync::Arc};

use spoa_actors::{Registry, Route};
use spoa_handlers::{
    chain::{ChainHandler, chains},
    configuration::Configuration,
    file::{Loaded, Reading, load},
    finding::Report,
    kinds::KINDS,
    resource::{ResourcePlan, Resources},
};

/// What answers the messages of a file, which lies in this folder.
pub(crate) fn registry(folder: &Path, text: &str) -> Registry {
    let path = folder.join("agent.toml");
    fs::write(&path, text).unwrap();
    let mut loaded = load(&path, &|_: &str| None);
    let configuration = Configuration::read(&mut loaded);
    let Loaded { document, sources, findings } = &mut loaded;
    let mut reading = Reading { document, sources, findings };
    let plan = ResourcePlan::read(&configuration.secrets, &mut reading);
    let resources = Resources::open(plan, None, &mut reading);
    let chains = chains(&configuration.messages, KINDS, &resources, &mut reading);
    assert_eq!(Report::new(&loaded.findings, &loaded.sources).to_string(), "", "{text}");
    // Its data is followed for as long as the agent is there.
    let resources = Arc::new(resources);
    chains.into_iter().fold(Registry::new(), |registry, (name, chain)| {
        let (handler, resources) = (ChainHandler(Arc::new(chain)), Arc::clone(&resources));
        registry.on(
            name,
            Route::handler(move || {
                let _ = &resources;
                handler.clone()
            }),
        )
    })
}
