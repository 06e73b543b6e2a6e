//! Files and folders: making them private, durable and once only, and telling where they cannot be.

mod create;
mod draft;
mod failure;
mod identity;
mod lock;
mod network;
mod path;
#[cfg(windows)]
mod privilege;
mod rename;
mod rights;
mod space;
mod writable;

pub(crate) use create::{create_private, sync_folder};
pub(crate) use draft::Draft;
pub(crate) use failure::failed;
pub(crate) use identity::{FileIdentity, identity};
pub(crate) use lock::{lock_alone, lock_shared, unlock};
pub(crate) use network::network_filesystem;
pub(crate) use path::absolute;
pub(crate) use rename::{rename_new, rename_over};
pub(crate) use rights::copy_rights;
pub(crate) use space::free_space;
pub(crate) use writable::{file_writable, writable_folder};
