//! Rights over the sandbox's own namespaces: carried to the process that builds it, then given up
//! for ever before a program of a run is started.

use std::io;

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits, set_no_new_privs,
};

/// What it takes to mount, to switch loopback on, to forbid more namespaces, and to let go of this.
const BUILDING: [CapabilitySet; 4] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::NET_ADMIN,
    CapabilitySet::SYS_RESOURCE,
    CapabilitySet::SETPCAP,
];

/// Lets the next program have the rights to build, whoever the user is.
pub(super) fn carry() -> io::Result<()> {
    let now = capabilities(None)?;
    let wanted = BUILDING
        .into_iter()
        .fold(CapabilitySet::empty(), |all, one| all | one);
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: now.inheritable | wanted,
            ..now
        },
    )?;
    for one in BUILDING {
        configure_capability_in_ambient_set(one, true)?;
    }
    Ok(())
}

/// Gives up all rights beyond those of the plain user, for this process and all it will start.
///
/// Outside namespaces of its own an unprivileged process has nothing to give up but the chance to
/// gain: set-user-id programs give no rights any more.
pub(super) fn give_up() -> io::Result<()> {
    set_no_new_privs(true)?;
    let none = CapabilitySet::empty();
    let now = capabilities(None)?;
    if now.effective.contains(CapabilitySet::SETPCAP) {
        set_capabilities_secure_bits(
            CapabilitiesSecureBits::NO_ROOT
                | CapabilitiesSecureBits::NO_ROOT_LOCKED
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
        )?;
        for bit in 0..64 {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            match remove_capability_from_bounding_set(one) {
                Ok(()) => {}
                // The kernel knows no more of them.
                Err(rustix::io::Errno::INVAL) => break,
                Err(e) => return Err(e.into()),
            }
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    Ok(())
}
