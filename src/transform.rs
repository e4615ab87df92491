//! `mcrx transform`: an update carried out on images, offline.

use crate::exit::Failure;
use crate::output::Output;
use crate::plan::transition::{Planned, Transition, Which};
use crate::plan::{self, PlanFacts};
use anyhow::{Result, anyhow};
use mcrx_debuginfo::cache::Cache;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::image::{Image, Method, Taken};
use mcrx_tracer::snapshot::{Options, save};
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::verify::{self, Report, Subject};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Carry out an update on images: write what the new release's process would have in memory to a snapshot
///
/// No process is touched. The new image is looked at before it is written: each pointer must lead to what its type says, and all that
/// was carried over must be there. It can be traced like any other; it is not to be run.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 it is written and nothing is wrong with it, 1 it is written but something is wrong with it, 3 a process or file cannot be read \
or traced, 4 something stops the update, and nothing is written.

Example:
  mcrx transform now.snap new.snap --start start.snap --rules server-2.mcrx -o after.snap
  mcrx trace after.snap")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// The snapshot to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    plan: PlanFacts,
    /// Nothing where it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<VerifiedFacts>,
}

#[derive(Serialize)]
struct VerifiedFacts {
    /// Pointers that were followed.
    pointers: u64,
    /// What is wrong with the new image.
    findings: Vec<FindingFacts>,
}

#[derive(Serialize)]
struct FindingFacts {
    address: String,
    path: String,
    message: String,
}

/// So many findings of each sort are told.
const MOST: usize = 20;

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let transition = Transition::open(&args.which, output)?;
    transition.planned(output, |planned| {
        plan::print(&planned, &transition, output)?;
        let facts = plan::facts(&planned, &transition);
        let schema = "mcrx.transform/1";
        if planned.plan.is_refused() {
            output.facts(&Facts { schema, plan: facts, verified: None })?;
            return plan::refused(planned.plan);
        }
        if !planned.plan.calls.is_empty() {
            let names: Vec<&str> = planned.plan.calls.iter().map(|call| call.function.as_str()).collect();
            let message = format!(
                "the rules call functions of the new release, which only a process can run: {}",
                names.join(", ")
            );
            output.narrate(message);
        }
        let report = apply(planned, args, output)?;
        output.facts(&Facts { schema, plan: facts, verified: Some(VerifiedFacts::of(&report)) })?;
        if !report.is_clean() {
            let many: u64 = report.counts.values().sum();
            return Err(
                Failure::Finding(format!("{many} things are wrong with the new image: see above")).into()
            );
        }
        output.line(format_args!("\nNext: mcrx trace {}", args.output.display()))?;
        Ok(())
    })
}

fn apply(planned: Planned<'_>, args: &Args, output: &Output) -> Result<Report> {
    let Planned { plan, course, now, new, mut merged, .. } = planned;
    let phase = output.phase("transforming");
    plan.apply(&mut merged)?;
    let process = merged.finish();
    drop(phase);
    let phase = output.phase("looking at the new image");
    let known = Known::with(&process, &Shelf::new(Cache::default()))
        .map_err(|error| anyhow!("the new image: {error}"))?;
    let model = known.model(new.trace.model.facts());
    let carried = plan.carried(&now, course);
    let trace = Trace::knowing(&process, &known, &model, verify::types(&model, &new, &carried));
    let old: Vec<_> = now.process().modules.iter().map(|module| module.range.clone()).collect();
    let report =
        Subject { merged: &trace, now: now.trace, new: &new, carried: &carried, old: &old }.verify(MOST);
    drop(phase);
    drop(trace);
    output.line(format_args!("  {:<44}{:>10}", "pointers of the new image", report.pointers))?;
    for finding in &report.findings {
        output.line(finding)?;
    }
    let taken = Taken {
        at: std::time::SystemTime::now(),
        held: Duration::ZERO,
        method: Method::default(),
        kernel: String::new(),
        redacted: false,
    };
    drop(model);
    drop(known);
    let image = Image { processes: vec![process], taken };
    let phase = output.phase(format!("writing {}", args.output.display()));
    let progress = |done: u64, of: u64| phase.at(done, of);
    save(&image, &Options { redact: false, progress: Some(&progress) }, &args.output)?;
    drop(phase);
    Ok(report)
}

impl VerifiedFacts {
    fn of(report: &Report) -> VerifiedFacts {
        let findings = report.findings.iter().map(|finding| FindingFacts {
            address: format!("{:#x}", finding.address),
            path: finding.path.clone(),
            message: finding.fault.to_string(),
        });
        VerifiedFacts { pointers: report.pointers, findings: findings.collect() }
    }
}
