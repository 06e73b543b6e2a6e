//! An open database, and the person who administers it.

use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wardkey::{Administer, Context, Engine, UnixTime};

/// An open database.
pub(crate) struct Session {
    engine: Engine,
    actor: String,
    path: PathBuf,
}

impl Session {
    pub(crate) fn open(globals: &Globals, input: &mut Input) -> Result<Self, Failure> {
        let (path, actor) = (globals.path()?, globals.actor()?);
        let engine = Engine::open(&globals.options(&path, input)?)?;
        Ok(Self { engine, actor, path })
    }

    pub(crate) const fn of(engine: Engine, actor: String, path: PathBuf) -> Self {
        Self { engine, actor, path }
    }

    /// Runs an operation for the actor.
    pub(crate) fn run<O: Administer>(&self, operation: O) -> Result<O::Response, Failure> {
        Ok(self.engine.run(&self.context(), operation)?)
    }

    /// Runs an operation whose request a person wrote: the library says where it is wrong.
    pub(crate) fn call(&self, name: &str, json: &str) -> Result<Value, Failure> {
        let answer = self.engine.call(&self.context(), name, json.as_bytes())?;
        serde_json::from_slice(&answer).map_err(|_| Failure::defect("an answer that is no JSON"))
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::by(&self.actor)
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine's time.
    pub(crate) fn now(&self) -> UnixTime {
        self.engine.now()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what was gathered.
    pub(crate) fn close(self) -> Result<(), Failure> {
        Ok(self.engine.close()?)
    }
}
