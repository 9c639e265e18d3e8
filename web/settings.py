"""What an installation can set about its web server. Every setting has a safe default; none is a secret but the
metrics token."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`data` is the folder of attachments. `cookie_name` and `cookie_path` keep this product's cookie apart from
    that of a portal it is embedded in; `cookie_secure` is off only for trying out without HTTPS. `origins` are
    further origins (`https://portal.example`) from which a signed-in browser may write. `metrics_token`: without
    one, metrics are for this computer only. `clock_patience`: a heartbeat older than this is not ready.
    `public_writes`, `public_reads`: so many requests may come from one address in an hour through the public page, and
    so many looks at how far they are. `refusal_seconds`: a sign-in that fails takes at least so long, whatever it
    failed on. `signing_key` is the file of the key that published versions are signed with; without one it is kept
    among the data."""

    data: Path
    cookie_name: str = "wangge_session"
    cookie_path: str = "/"
    cookie_secure: bool = True
    origins: tuple[str, ...] = ()
    session_length: timedelta = timedelta(hours=12)
    lock_after: int = 5
    lock_length: timedelta = timedelta(minutes=15)
    refusal_seconds: float = 0.5
    public_writes: int = 10
    public_reads: int = 120
    metrics_token: str = ""
    clock_patience: timedelta = timedelta(seconds=60)
    largest_body: int = 1024 * 1024
    largest_attachment: int = 50 * 1024 * 1024
    largest_draft_file: int = 16 * 1024 * 1024
    signing_key: Path | None = None

    @property
    def key_file(self) -> Path:
        """Where the signing key is, or is made at first use."""
        return self.signing_key or self.data / "signing.key"
