//! A configuration that stands in files, such as an example's: taken as it is, but for its ports.

use std::path::{Path, PathBuf};

use crate::{Failure, Scratch};

/// The main file, and beside it the spoe files that it names.
#[derive(Clone, Debug)]
pub(crate) struct ConfigFiles {
    main: PathBuf,
    replacements: Vec<(String, String)>,
}

impl ConfigFiles {
    pub(crate) fn new(main: impl Into<PathBuf>) -> Self {
        Self { main: main.into(), replacements: Vec::new() }
    }

    /// Writes `with` wherever the main file says `what`.
    pub(crate) fn replace(&mut self, what: impl Into<String>, with: impl Into<String>) {
        self.replacements.push((what.into(), with.into()));
    }

    /// Writes the main file behind these lines, and copies the spoe files. Every replacement must have
    /// found its place.
    pub(crate) fn write(&self, before: &str, scratch: &Scratch) -> Result<(), Failure> {
        let mut text = read(&self.main)?;
        for (what, with) in &self.replacements {
            if !text.contains(what) {
                return Err(Failure::new(format!("{} has no {what}", self.main.display())));
            }
            text = text.replace(what, with);
        }
        for spoe in self.spoe_files()? {
            let (named, name) = (spoe.display(), name(&spoe));
            let copy = scratch.write(&name, &read(&self.main.with_file_name(&name))?)?;
            text =
                text.replace(&format!("config {named}\n"), &format!("config {}\n", copy.display()));
        }
        scratch.write("haproxy.cfg", &format!("{before}{text}")).map(|_| ())
    }

    /// The names of the spoe files.
    pub(crate) fn names(&self) -> Vec<String> {
        let files = self.spoe_files().unwrap_or_default();
        files.iter().map(|file| name(file)).collect()
    }

    /// The spoe files as the main file names them; they lie beside it.
    fn spoe_files(&self) -> Result<Vec<PathBuf>, Failure> {
        let text = read(&self.main)?;
        let filters = text.lines().filter(|line| line.trim_start().starts_with("filter spoe "));
        let mut files: Vec<_> =
            filters.filter_map(|line| Some(line.split_once(" config ")?.1.into())).collect();
        files.dedup();
        Ok(files)
    }
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(Failure::during(format!("cannot read {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::ConfigFiles;
    use crate::Scratch;

    #[test]
    fn files_are_copied_with_their_replacements_each_of_which_has_a_place() {
        let (source, copy) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        source.write("t.conf", "[t]\n").unwrap();
        let text = "bind :80\n filter spoe engine t config folder/t.conf\n";
        let mut files = ConfigFiles::new(source.write("t.cfg", text).unwrap());
        files.replace(":80", ":81");
        files.write("global\n", &copy).unwrap();
        let conf = copy.join("t.conf");
        assert_eq!(std::fs::read_to_string(&conf).unwrap(), "[t]\n");
        let expected =
            format!("global\nbind :81\n filter spoe engine t config {}\n", conf.display());
        assert_eq!(std::fs::read_to_string(copy.join("haproxy.cfg")).unwrap(), expected);

        files.replace(":99", ":1");
        let failure = files.write("", &copy).unwrap_err().to_string();
        assert!(failure.ends_with("t.cfg has no :99"), "{failure}");
    }
}
