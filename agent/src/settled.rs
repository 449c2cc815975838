//! Settled: what holds for a run, out of options, environment, configuration file and defaults.

use std::ffi::OsString;

use clap::{ArgMatches, FromArgMatches};

use crate::{
    admin_options::NamedToken,
    cli::Cli,
    config_file::ConfigFile,
    failure::Failure,
    file_keys::FILE_KEYS,
    precedence::{self, with_file},
    program::Program,
    run_options::RunOptions,
};

/// What holds for a run.
pub(crate) struct Settled {
    pub(crate) options: RunOptions,
    /// The same, with where each value comes from.
    pub(crate) matches: ArgMatches,
    pub(crate) file: Option<ConfigFile>,
}

impl Settled {
    /// Reads the command line again, with what the file says as defaults.
    ///
    /// # Errors
    ///
    /// If what is said together cannot be.
    pub(crate) fn of(
        words: &[OsString],
        program: &Program,
        file: Option<ConfigFile>,
    ) -> Result<Self, Failure> {
        let definition = Cli::definition(program);
        let mut definition = match &file {
            Some(file) => with_file(definition, &file.loaded),
            None => definition,
        };
        let read = definition.try_get_matches_from_mut(words).and_then(|matches| {
            let matches = precedence::of_run(&matches).clone();
            RunOptions::from_arg_matches(&matches).map(|options| (options, matches))
        });
        let (mut options, matches) = read.map_err(|error| Failure::Usage(error.into()))?;
        if let Some(file) = &file {
            take_secrets(&mut options, file)?;
        }
        let admin = &options.admin;
        if admin.admin.is_none()
            && (!admin.admin_host.is_empty()
                || admin.admin_token_file.is_some()
                || admin.token.is_some())
        {
            let what = "the admin endpoint has settings and no address: add --admin, or `tcp` below [admin]";
            return Err(Failure::Usage(what.into()));
        }
        Ok(Self { options, matches, file })
    }
}

/// Takes the secrets that the file names where options have none.
fn take_secrets(options: &mut RunOptions, file: &ConfigFile) -> Result<(), Failure> {
    let admin = file.configuration.admin.as_ref().and_then(|admin| admin.token.as_ref());
    if let (None, Some(token)) = (&options.admin.admin_token_file, admin) {
        let secret = file.resources.secret(&token.name).cloned();
        options.admin.token = secret.map(|secret| NamedToken { name: token.name.clone(), secret });
    }
    let trace = file.configuration.trace.as_ref().and_then(|trace| trace.headers.as_ref());
    let key = FILE_KEYS.iter().find(|key| key.option == "otlp-header");
    let is_free = options.telemetry.otlp_header.is_empty()
        && key.is_none_or(|key| key.standard_variable().is_none());
    for (header, name) in trace.filter(|_| is_free).iter().flat_map(|headers| &headers.0) {
        let Some(secret) = file.resources.secret(&name.name) else { continue };
        let Ok(value) = str::from_utf8(secret.expose()) else {
            let what = format!(
                "the secret {} is no text, and cannot be a header of the collector",
                name.name
            );
            return Err(Failure::Usage(what.into()));
        };
        options.telemetry.otlp_header.push((header.clone(), value.to_owned()));
    }
    Ok(())
}
