"""Review packets: one Markdown file with the run, for whoever reviews now and whoever asks later."""

from pathlib import Path

from batty_tmux.core.report import packet_markdown
from batty_tmux.drive.project import Project
from batty_tmux.drive.verdicts import packet
from batty_tmux.host.files import write_atomically
from batty_tmux.names import PhaseId, RunId


def write_packet(project: Project, phase: PhaseId) -> Path:
    """Write the phase's packet as it is now, under its number: a rework does not overwrite what was reviewed."""
    status = project.status(phase)
    folder = project.place.phase_folder(RunId(status.watch.run), phase)
    path = folder / f"packet-{status.watch.attempt}.md"
    write_atomically(path, packet_markdown(packet(project, status)))
    return path
