"""The voice platform on this machine: no account, no tunnel, no telephone.

    simulator = Simulator()
    simulator.phone("+15551230001", Caller().hears("press 1").presses("1"))
    with simulator.serve():
        controller = CallController(
            simulator.account_id, auth=simulator.auth, base_url=simulator.base_url
        )
        controller.create_call(to="+15551230001", …)
        simulator.advance(30)

One engine performs the documents that an application returns, on a clock that stands still until
it is turned (``VirtualClock``) or that runs (``RealClock``). Where the vendor is silent,
``Settings`` says what is assumed.
"""

from calls.simulator.caller import Caller
from calls.simulator.chaos import Chaos, Fault
from calls.simulator.clock import RealClock, VirtualClock
from calls.simulator.errands import Answered, Application, Delivery, Target, Targets, Unanswered
from calls.simulator.outside import Poster
from calls.simulator.phone import Phone, PhoneCall, Unheard
from calls.simulator.settings import Settings
from calls.simulator.simulator import Simulator
from calls.simulator.state import Entry, Recording

__all__ = [
    "Answered",
    "Application",
    "Caller",
    "Chaos",
    "Delivery",
    "Entry",
    "Fault",
    "Phone",
    "PhoneCall",
    "Poster",
    "RealClock",
    "Recording",
    "Settings",
    "Simulator",
    "Target",
    "Targets",
    "Unanswered",
    "Unheard",
    "VirtualClock",
]
