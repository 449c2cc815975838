//! `test`: runs the tests of a file, without HAProxy.

use std::{fmt::Write, sync::Arc, time::Duration};

use spoa_actors::ForeignText;
use spoa_handlers::{finding::Finding, testing::TestPlan};
use tokio::{task::spawn_blocking, time::timeout};

use super::output::print;
use crate::{config_file::ConfigFile, failure::Failure, file_options::FileOptions};

/// Runs all tests, prints a line for each, and the findings of those that failed.
pub(crate) async fn test(options: &FileOptions) -> Result<(), Failure> {
    let mut file = ConfigFile::open(&options.file)?;
    let plans = file.tests();
    if file.has_errors() {
        return Err(Failure::Findings(file.report()));
    }
    let (count, mut failed) = (plans.len(), 0);
    let mut text = String::new();
    for plan in plans {
        let message = file.configuration.messages.get(plan.section());
        let deadline = file.configuration.deadline(message.and_then(|message| message.deadline));
        let plan = Arc::new(plan);
        let findings = run(&plan, deadline).await;
        failed += usize::from(!findings.is_empty());
        let word = if findings.is_empty() { "ok    " } else { "FAILED" };
        let _ = writeln!(text, "{word}  {}", ForeignText::of(&plan.name()));
        findings.into_iter().for_each(|finding| file.loaded.findings.add(finding));
    }
    let _ = writeln!(text, "{}: {} passed, {failed} failed", tests_of(count), count - failed);
    print(&text)?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Findings(file.report())),
    }
}

fn tests_of(count: usize) -> String {
    format!("{count} {}", if count == 1 { "test" } else { "tests" })
}

/// Runs the cases of a test; what did not come as expected.
async fn run(plan: &Arc<TestPlan>, deadline: Duration) -> Vec<Finding> {
    let starting = Arc::clone(plan);
    let started = spawn_blocking(move || starting.chain().start()).await;
    let fault = match started {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = fault {
        return vec![plan.unanswered(0, &why)];
    }
    let mut findings = Vec::new();
    for (case, message) in plan.messages().iter().enumerate() {
        let message = message.as_ref();
        match timeout(deadline, plan.chain().explain(&message)).await {
            Ok(Ok(explained)) => findings.extend(plan.check(case, &explained)),
            Ok(Err(missing)) => findings.push(plan.unanswered(case, &missing.to_string())),
            Err(_) => {
                let why = format!("no answer within the deadline of {deadline:?}");
                findings.push(plan.unanswered(case, &why));
            }
        }
    }
    plan.chain().stop();
    findings
}
