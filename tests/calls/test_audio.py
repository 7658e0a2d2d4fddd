"""Mu-law, against the formula of G.711."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import InvalidRequest
from calls.sockets.audio import frames, pcm_to_pcmu, pcmu_to_pcm, silence

EVERY = bytes(range(256))
SAMPLES = st.integers(-32768, 32767)


def linear(byte: int) -> int:
    """The sample of a mu-law byte: sign, exponent and mantissa, all of them inverted."""
    inverted = ~byte & 0xFF
    exponent, mantissa = inverted >> 4 & 7, inverted & 15
    magnitude = ((mantissa << 3) + 132 << exponent) - 132
    return -magnitude if inverted & 0x80 else magnitude


def packed(*samples: int) -> bytes:
    return b"".join(each.to_bytes(2, "little", signed=True) for each in samples)


def unpacked(pcm: bytes) -> list[int]:
    pairs = [pcm[at : at + 2] for at in range(0, len(pcm), 2)]
    return [int.from_bytes(each, "little", signed=True) for each in pairs]


def test_every_byte_is_the_sample_of_the_formula() -> None:
    assert pcmu_to_pcm(EVERY) == packed(*map(linear, EVERY))


def test_known_values_of_the_table() -> None:
    known = {0x00: -32124, 0x01: -31100, 0x7E: -8, 0x7F: 0, 0x80: 32124, 0xFE: 8, 0xFF: 0}
    assert unpacked(pcmu_to_pcm(bytes(known))) == list(known.values())


def test_every_byte_survives_but_one_of_the_two_zeros() -> None:
    survived = dict(zip(EVERY, pcm_to_pcmu(pcmu_to_pcm(EVERY)), strict=True))
    assert {byte: came for byte, came in survived.items() if byte != came} == {0x7F: 0xFF}


def test_the_loudest_samples_are_clipped() -> None:
    assert pcm_to_pcmu(packed(32767, -32768)) == b"\x80\x00"


@given(st.lists(SAMPLES))
def test_samples_are_as_near_as_mu_law_comes(samples: list[int]) -> None:
    pcmu = pcm_to_pcmu(packed(*samples))
    assert len(pcmu) == len(samples)
    for sample, came in zip(samples, unpacked(pcmu_to_pcm(pcmu)), strict=True):
        # Half a step of the segment, and four for the two bits that go first.
        clipped = max(-32635, min(sample, 32635))
        assert abs(clipped - came) <= (abs(clipped) + 132 >> 5) + 4


@given(st.binary())
def test_what_is_decoded_is_twice_as_long(pcmu: bytes) -> None:
    pcm = pcmu_to_pcm(pcmu)
    assert len(pcm) == 2 * len(pcmu)
    assert pcm_to_pcmu(pcm) == pcmu.replace(b"\x7f", b"\xff")


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"two bytes each \(got 3 bytes\)"):
        pcm_to_pcmu(b"abc")


def test_the_order_of_bytes_is_that_of_the_platform_whatever_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The machine itself stays what it is, so that what comes is swapped once too often.
    pcm, pcmu = pcmu_to_pcm(EVERY), pcm_to_pcmu(packed(1000, -1000))
    other = {"little": "big", "big": "little"}[sys.byteorder]
    monkeypatch.setattr(sys, "byteorder", other)
    swapped = bytes(pcm[at ^ 1] for at in range(len(pcm)))
    assert pcmu_to_pcm(EVERY) == swapped
    there = b"".join(each.to_bytes(2, "big", signed=True) for each in (1000, -1000))
    assert pcm_to_pcmu(there) == pcmu


def test_silence_is_so_long_and_silent() -> None:
    assert silence(0) == b""
    assert silence(20) == b"\xff" * 160
    assert unpacked(pcmu_to_pcm(silence(3))) == [0] * 24


@given(st.binary(max_size=1000), st.integers(1, 50))
def test_frames_are_the_audio_in_pieces(pcmu: bytes, milliseconds: int) -> None:
    *whole, last = [*frames(pcmu, milliseconds)] or [b""]
    assert b"".join([*whole, last]) == pcmu
    assert {len(each) for each in whole} <= {8 * milliseconds}
    assert len(last) <= 8 * milliseconds


def test_a_frame_is_20_ms() -> None:
    assert [len(each) for each in frames(silence(50))] == [160, 160, 80]
    assert list(frames(b"")) == []


@pytest.mark.parametrize("milliseconds", [-1, 1.5, True, "20", None])
def test_a_duration_is_a_whole_number(milliseconds: Any) -> None:
    with pytest.raises(InvalidRequest, match="milliseconds must be a whole number from 0"):
        silence(milliseconds)
    with pytest.raises(InvalidRequest, match="milliseconds must be a whole number from 1"):
        frames(b"", milliseconds)


def test_a_frame_has_a_length() -> None:
    with pytest.raises(InvalidRequest, match="from 1"):
        frames(b"", 0)


def test_what_is_missing_from_python_3_13_on_is_told() -> None:
    script = "import sys; sys.modules['audioop'] = None; import calls.sockets.audio"
    run = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert 'pip install "bxml-calls[audio]"' in run.stderr.splitlines()[-1]


def test_importing_it_warns_of_nothing() -> None:
    command = [sys.executable, "-W", "error", "-c", "import calls.sockets.audio"]
    subprocess.run(command, check=True)  # noqa: S603  # our own words
