//! A case gone on with: what the new release says and does on memory that was carried over is what it says and does on its own.

use super::super::case::{Ready, program};
use super::super::oracle::Form;
use super::super::run::{Fault, Running, process};
use super::super::transformed::{planned, refusal};
use super::process::Revived;
use mcrx_tracer::image::Image;
use mcrx_transform::plan::Code;
use mcrx_transform::target::Merged;

/// What a process of the new release says, and has, when it has served once more.
pub(crate) struct Course {
    /// Before it serves.
    pub(crate) first: String,
    /// And then.
    pub(crate) then: String,
    /// What it has then.
    image: Image,
}

impl Course {
    /// Of the new release on its own: it has done the work of the old one itself.
    pub(crate) fn own(ready: &Ready) -> Result<Course, Fault> {
        let mut running = Running::start(&ready.program, 1)?;
        running.serve()?;
        Course::of(running)
    }

    /// Of a process whose start-up is done.
    pub(crate) fn of(mut running: Running) -> Result<Course, Fault> {
        let first = running.show()?;
        running.serve()?;
        let then = running.show()?;
        Ok(Course { first, then, image: running.image()? })
    }

    /// What it has in the end.
    pub(crate) fn form(&self, ready: &Ready) -> Result<Form, Fault> {
        ready.form(process(&self.image)?)
    }
}

/// A process of the new release that has what the old one had, by a plan that is deaf to some conflicts.
pub(crate) fn revive(ready: &Ready, ignored: &[Code]) -> Result<Running, Fault> {
    let running = Running::start(&ready.program, 1)?;
    let image = running.image()?;
    let (now, new) = (process(&ready.images.now)?, process(&image)?);
    let mut revived = Revived::hold(new)?;
    let plan = planned(ready, new, &revived, ignored, |plan, now| match plan.is_refused() {
        true => Err(refusal(&plan, now)),
        false => Ok(plan),
    })??;
    let merged = Merged::of(now, new).map_err(|error| error.to_string())?;
    revived.inherit(new, now, &merged.finish())?;
    plan.apply(&mut revived).map_err(|error| error.to_string())?;
    revived.call(program(new, &ready.new)?, &plan.calls)?;
    revived.let_go()?;
    Ok(running)
}

/// The new release says of the old one's memory what it says of its own, and again when it has served once more.
pub(crate) fn says_what_its_own_says(ready: &Ready) -> Result<(), Fault> {
    said(ready).map(drop)
}

/// It goes on from the old one's memory as from its own.
pub(crate) fn goes_on_as_its_own(ready: &Ready) -> Result<(), Fault> {
    let [own, carried] = said(ready)?;
    let (own, carried) = (own.form(ready)?, carried.form(ready)?);
    match own == carried {
        true => Ok(()),
        false => Err(format!("in the end it differs:\n{}", carried.difference(&own, 12))),
    }
}

fn said(ready: &Ready) -> Result<[Course; 2], Fault> {
    let (own, carried) = (Course::own(ready)?, Course::of(revive(ready, &[])?)?);
    for (when, own, carried) in [("at first", &own.first, &carried.first), ("then", &own.then, &carried.then)]
    {
        if own != carried {
            return Err(format!("{when} it says\n{carried}and not\n{own}"));
        }
    }
    Ok([own, carried])
}
