"""How each verb is performed, one family a file. Importing it teaches the engine all of them."""

from calls.simulator.verbs import (
    audio as audio,
)
from calls.simulator.verbs import (
    bridge as bridge,
)
from calls.simulator.verbs import (
    conference as conference,
)
from calls.simulator.verbs import (
    detection as detection,
)
from calls.simulator.verbs import (
    flow as flow,
)
from calls.simulator.verbs import (
    gather as gather,
)
from calls.simulator.verbs import (
    handing as handing,
)
from calls.simulator.verbs import (
    recording as recording,
)
from calls.simulator.verbs import (
    stream as stream,
)
from calls.simulator.verbs import (
    transfer as transfer,
)
