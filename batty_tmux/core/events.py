"""What can happen, as the journal keeps it. Both state machines fold these; nothing else is stored."""

from batty_tmux.core.event import (
    BoardsChanged,
    Event,
    PhaseEvent,
    RunResumed,
    RunStarted,
    RunStopped,
)
from batty_tmux.core.host_events import AttemptEnded, HostBack, HostLost, HostOpened, HostProved
from batty_tmux.core.phase_events import (
    BoardCommitted,
    Cleaned,
    DirectorAsked,
    DirectorSaid,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateMoved,
    GatePlaced,
    GateStarted,
    GateStopped,
    Inspected,
    Launched,
    LaunchFailed,
    Launching,
    PhaseHeld,
    Purpose,
    Relaunching,
    Reviewed,
    ReviewWanted,
    SettingUp,
    SetUp,
    VerdictWord,
)
from batty_tmux.core.prompt_events import (
    Answered,
    Consulted,
    Consulting,
    HooksHeard,
    HooksSilent,
    Limited,
    LimitOver,
    Nudged,
    Paused,
    Prompted,
    PromptGone,
    Stalled,
    Stirred,
    Unpaused,
)
from batty_tmux.core.queue_events import (
    BaseMoved,
    CandidateBuilt,
    Collided,
    Collision,
    Conflicted,
    Deferred,
    Ejected,
    Enqueued,
    Followed,
    Following,
    Landed,
    LanderStopped,
    Landing,
    PinsChanged,
    PinsDropped,
    Prioritized,
    QueuePaused,
    QueueResumed,
    Reachable,
    Refused,
    Resolving,
    Retried,
    Skipped,
    TurnsRefused,
    Unreachable,
)

AnyEvent = (
    RunResumed
    | RunStarted
    | RunStopped
    | BoardsChanged
    | AttemptEnded
    | BoardCommitted
    | Cleaned
    | DirectorAsked
    | DirectorSaid
    | ExecutorExited
    | ExecutorStarted
    | GateFinished
    | GateMoved
    | GatePlaced
    | GateStarted
    | GateStopped
    | HostBack
    | HostLost
    | HostOpened
    | HostProved
    | Inspected
    | LaunchFailed
    | Launched
    | Launching
    | PhaseHeld
    | Relaunching
    | SettingUp
    | SetUp
    | ReviewWanted
    | Reviewed
    | Answered
    | Consulted
    | Consulting
    | HooksHeard
    | HooksSilent
    | LimitOver
    | Limited
    | Nudged
    | Paused
    | PromptGone
    | Prompted
    | Stalled
    | Stirred
    | Unpaused
    | BaseMoved
    | CandidateBuilt
    | Collided
    | Conflicted
    | Deferred
    | Ejected
    | Enqueued
    | Followed
    | Following
    | Landed
    | LanderStopped
    | Landing
    | PinsChanged
    | PinsDropped
    | Prioritized
    | QueuePaused
    | QueueResumed
    | Reachable
    | Refused
    | Resolving
    | Retried
    | Skipped
    | TurnsRefused
    | Unreachable
)

__all__ = [
    "Answered",
    "AnyEvent",
    "AttemptEnded",
    "BaseMoved",
    "BoardCommitted",
    "BoardsChanged",
    "CandidateBuilt",
    "Cleaned",
    "Collided",
    "Collision",
    "Conflicted",
    "Consulted",
    "Consulting",
    "Deferred",
    "DirectorAsked",
    "DirectorSaid",
    "Ejected",
    "Enqueued",
    "Event",
    "ExecutorExited",
    "ExecutorStarted",
    "Followed",
    "Following",
    "GateFinished",
    "GateMoved",
    "GatePlaced",
    "GateStarted",
    "GateStopped",
    "HooksHeard",
    "HooksSilent",
    "HostBack",
    "HostLost",
    "HostOpened",
    "HostProved",
    "Inspected",
    "Landed",
    "LanderStopped",
    "Landing",
    "LaunchFailed",
    "Launched",
    "Launching",
    "LimitOver",
    "Limited",
    "Nudged",
    "Paused",
    "PhaseEvent",
    "PhaseHeld",
    "PinsChanged",
    "PinsDropped",
    "Prioritized",
    "PromptGone",
    "Prompted",
    "Purpose",
    "QueuePaused",
    "QueueResumed",
    "Reachable",
    "Refused",
    "Relaunching",
    "Resolving",
    "Retried",
    "ReviewWanted",
    "Reviewed",
    "RunResumed",
    "RunStarted",
    "RunStopped",
    "SetUp",
    "SettingUp",
    "Skipped",
    "Stalled",
    "Stirred",
    "TurnsRefused",
    "Unpaused",
    "Unreachable",
    "VerdictWord",
]
