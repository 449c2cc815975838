//! A report: all findings, drawn as rustc draws its own.

use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use spoa_actors::ForeignText;

use super::{
    excerpt::Excerpt,
    finding::{Finding, Severity},
    findings::Findings,
    place::Place,
    sources::Sources,
};

/// How many findings are drawn; the rest is counted.
const DRAWN: usize = 200;

/// All findings, by their places, and how many there are. Its text is safe for a terminal, whatever the files hold.
pub struct Report<'a> {
    findings: &'a Findings,
    sources: &'a Sources,
    renderer: Renderer,
}

impl<'a> Report<'a> {
    /// A report without colours.
    #[must_use]
    pub fn new(findings: &'a Findings, sources: &'a Sources) -> Self {
        Self { findings, sources, renderer: Renderer::plain() }
    }

    /// The same with colours, for a terminal.
    #[must_use]
    pub fn coloured(self) -> Self {
        Self { renderer: Renderer::styled(), ..self }
    }

    fn draw(&self, finding: &Finding) -> String {
        let places = finding.at.iter().map(|one| (one, AnnotationKind::Primary));
        let others = finding.also.iter().map(|one| (one, AnnotationKind::Context));
        let snippets = places.chain(others).map(|((place, label), kind)| {
            let excerpt = Excerpt::of(self.sources, *place, finding.is_secret);
            self.snippet(*place, &excerpt, kind.span(excerpt.span.clone()).label(safe(label)))
        });
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let group = Group::with_title(level.primary_title(safe(&finding.title)));
        let help = finding.help.iter().map(|help| Level::HELP.message(safe(help)));
        self.renderer.render(&[group.elements(snippets).elements(help)])
    }

    fn snippet<'s>(
        &self,
        place: Place,
        excerpt: &Excerpt,
        annotation: Annotation<'s>,
    ) -> Snippet<'s, Annotation<'s>> {
        let path = self.sources.path(place.source()).display();
        Snippet::source(excerpt.text.clone())
            .line_start(excerpt.line)
            .path(safe(&path))
            .annotation(annotation)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.findings.sorted();
        if sorted.is_empty() {
            return Ok(());
        }
        for finding in sorted.iter().take(DRAWN) {
            writeln!(f, "{}\n", self.draw(finding))?;
        }
        if let Some(rest) = sorted.len().checked_sub(DRAWN).filter(|rest| *rest > 0) {
            writeln!(f, "{rest} more findings are not shown\n")?;
        }
        let path = self.sources.first_path().display();
        let counts = [(self.findings.errors(), "error"), (self.findings.warnings(), "warning")];
        let counts = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| format!("{count} {noun}{}", if *count == 1 { "" } else { "s" }));
        writeln!(f, "{}: {}", ForeignText::of(&path), counts.collect::<Vec<_>>().join(", "))
    }
}

fn safe(text: &dyn fmt::Display) -> String {
    ForeignText::of(text).to_string()
}
