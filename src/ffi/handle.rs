//! Handles: tokens that C holds instead of addresses.
//!
//! A handle is a number of 32 bits: a low bit that is set, 3 bits of kind, 6 of the library's copy, 8 of
//! slot, 14 of generation. Nothing is ever read through it, so a stale, forged or foreign one is an error
//! code and not a crash.

use crate::engine::Engine;
use crate::ffi::boundary::{Held, Log};
use crate::ffi::guard::Fault;
use crate::ffi::status::{
    WARDKEY_MISUSE_CLOSED, WARDKEY_MISUSE_FOREIGN, WARDKEY_MISUSE_FORKED, WARDKEY_MISUSE_HANDLE,
    WARDKEY_MISUSE_KIND, WARDKEY_MISUSE_NULL, WARDKEY_MISUSE_TOO_MANY,
};
use crate::ffi::types::EngineHandle;
use crate::sys;
use std::sync::{Arc, PoisonError, RwLock};

/// An open engine and what belongs to it.
pub(super) struct Open {
    // Dropped in this order: the engine, which reads the clock, before what destroys the callbacks.
    pub(super) engine: Engine,
    log: Option<Log>,
    _held: Vec<Held>,
}

impl Open {
    /// `held` is what else to destroy when the engine is gone.
    pub(super) const fn new(engine: Engine, log: Option<Log>, held: Vec<Held>) -> Self {
        Self { engine, log, _held: held }
    }

    /// Tells the host of a failure of storage or of this library.
    pub(super) fn tell(&self, fault: &Fault) {
        if let Some(log) = self.log.as_ref().filter(|_| fault.code >= FIRST_TOLD) {
            log.tell(fault.code, &fault.message);
        }
    }
}

/// Gives an engine a handle.
///
/// # Errors
/// WARDKEY_MISUSE_TOO_MANY with 256 engines open, or every slot worn out.
pub(super) fn insert(open: Open) -> Result<*mut EngineHandle, Fault> {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let free = table.iter().position(|slot| slot.open.is_none() && slot.generation < GENERATIONS);
    let index = match free {
        Some(index) => index,
        None if table.len() < SLOTS => {
            table.push(Slot { generation: 0, open: None });
            table.len() - 1
        }
        None => {
            let message = "too many engines are open in this process".to_owned();
            return Err(Fault { code: WARDKEY_MISUSE_TOO_MANY, system_code: 0, message });
        }
    };
    let slot = table.get_mut(index).ok_or_else(unknown)?;
    slot.open = Some(Arc::new(open));
    let token =
        Token { kind: KIND_ENGINE, instance: instance(), slot: index, generation: slot.generation };
    Ok(std::ptr::without_provenance_mut(token.encode()))
}

/// The engine of a handle; it stays open for as long as the caller holds it.
pub(super) fn find(engine: *const EngineHandle) -> Result<Arc<Open>, Fault> {
    let token = check(engine)?;
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let slot = table.get(token.slot).ok_or_else(unknown)?;
    slot.check(&token)?;
    slot.open.as_ref().map(Arc::clone).ok_or_else(closed)
}

/// Takes the engine out of the table: its handle ends.
pub(super) fn remove(engine: *const EngineHandle) -> Result<Arc<Open>, Fault> {
    let token = check(engine)?;
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let slot = table.get_mut(token.slot).ok_or_else(unknown)?;
    slot.check(&token)?;
    let open = slot.open.take().ok_or_else(closed)?;
    // A slot whose generations are used up is never given out again.
    slot.generation += 1;
    Ok(open)
}

struct Slot {
    generation: usize,
    open: Option<Arc<Open>>,
}

impl Slot {
    fn check(&self, token: &Token) -> Result<(), Fault> {
        match token.generation.cmp(&self.generation) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(closed()),
            std::cmp::Ordering::Greater => Err(unknown()),
        }
    }
}

/// What a handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    kind: usize,
    instance: usize,
    slot: usize,
    generation: usize,
}

impl Token {
    const fn encode(self) -> usize {
        1 | self.kind << 1 | self.instance << 4 | self.slot << 10 | self.generation << 18
    }

    fn decode(value: usize) -> Option<Self> {
        let token = Self {
            kind: value >> 1 & 7,
            instance: value >> 4 & 63,
            slot: value >> 10 & 255,
            generation: value >> 18 & (GENERATIONS - 1),
        };
        (token.encode() == value).then_some(token)
    }
}

/// Reads a handle. Before any lock: in a child of a fork a lock may be held by a thread that is not there.
fn check(engine: *const EngineHandle) -> Result<Token, Fault> {
    if engine.is_null() {
        return Err(Fault::misuse(WARDKEY_MISUSE_NULL, "engine", "is NULL"));
    }
    if sys::fork::poisoned() {
        let message = crate::error::Error::Forked.to_string();
        return Err(Fault { code: WARDKEY_MISUSE_FORKED, system_code: 0, message });
    }
    let token = Token::decode(engine.addr()).ok_or_else(unknown)?;
    if token.kind != KIND_ENGINE {
        return Err(Fault::misuse(WARDKEY_MISUSE_KIND, "engine", "is a handle of another kind"));
    }
    if token.instance != instance() {
        let why = "was made by another copy of this library in the process";
        return Err(Fault::misuse(WARDKEY_MISUSE_FOREIGN, "engine", why));
    }
    Ok(token)
}

fn unknown() -> Fault {
    Fault::misuse(WARDKEY_MISUSE_HANDLE, "engine", "is not a handle that wardkey_open made")
}

fn closed() -> Fault {
    Fault::misuse(WARDKEY_MISUSE_CLOSED, "engine", "is closed")
}

/// Six bits that tell this copy of the library from another in the same process: where it was loaded.
fn instance() -> usize {
    let address = std::ptr::from_ref(&TABLE).addr() >> 12;
    (address ^ address >> 6 ^ address >> 12 ^ address >> 18) & 63
}

static TABLE: RwLock<Vec<Slot>> = RwLock::new(Vec::new());

/// The one kind of handle there is. 0 is none, so that small numbers are no handles.
const KIND_ENGINE: usize = 5;
const SLOTS: usize = 256;
const GENERATIONS: usize = 1 << 14;

/// The first code that is not the caller's doing.
const FIRST_TOLD: i32 = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_handle_fits_32_bits_is_odd_and_reads_back(
            kind in 0_usize..8, instance in 0_usize..64, slot in 0_usize..256, generation in 0_usize..16384
        ) {
            let token = Token { kind, instance, slot, generation };
            let value = token.encode();
            prop_assert!(value <= 0xffff_ffff && value % 2 == 1);
            prop_assert_eq!(Token::decode(value), Some(token));
        }

        #[test]
        fn no_number_is_more_than_an_error(value: usize) {
            let pointer = std::ptr::without_provenance::<EngineHandle>(value);
            // Nothing was opened in this test's table under a number that chance finds.
            if Token::decode(value).is_none() {
                prop_assert!(find(pointer).is_err());
            }
        }
    }

    #[test]
    fn a_worn_out_slot_is_never_given_out_again() {
        let slot = Slot { generation: GENERATIONS, open: None };
        let last = Token { kind: KIND_ENGINE, instance: 0, slot: 0, generation: GENERATIONS - 1 };
        assert_eq!(slot.check(&last).unwrap_err().code, WARDKEY_MISUSE_CLOSED);
    }
}
