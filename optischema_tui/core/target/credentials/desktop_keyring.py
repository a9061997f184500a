"""The desktop's keyring, where there is one. On a server without a desktop it is absent, and its calls may hang."""

from __future__ import annotations

from threading import Thread

from optischema_tui.core.target.passfile import Found

SERVICE = "optischema-tui"
SECONDS = 3


def ask_keyring(profile: str) -> Found:
    """The password of the account `profile` under the service `optischema-tui`. Never raises, never takes long.

    Without a backend (priority 1 or more), an entry or an answer: the reason.
    """
    found: list[Found] = []
    # The call may wait for a D-Bus that never answers; a thread that nobody waits for ends with the program.
    asker = Thread(target=lambda: found.append(_ask(profile)), daemon=True)
    asker.start()
    asker.join(SECONDS)
    return found[0] if found else Found(source=f"the keyring did not answer within {SECONDS} s")


def _ask(profile: str) -> Found:
    try:
        import keyring

        backend = keyring.get_keyring()
        if backend.priority < 1:
            return Found(source="there is no keyring here")
        password = backend.get_password(SERVICE, profile)
    except Exception as error:  # a backend raises whatever its bus and its library do
        return Found(source=f"the keyring could not be asked ({type(error).__name__})")
    if not password:
        return Found(source=f"the keyring has no password for {SERVICE} / {profile}")
    return Found(password, f"the keyring ({SERVICE} / {profile})")
