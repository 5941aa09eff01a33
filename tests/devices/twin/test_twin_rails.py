"""What a twin's own sensors show of the watts at its input."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("hurried")

READ = (
    "import json, glob, os; root = os.environ['HOME'].rpartition('/home')[0]; "
    "files = glob.glob(root + '/sys/bus/i2c/drivers/ina3221x/*/iio*/*') + glob.glob(root + '/sys/class/hwmon/*/*'); "
    "print(json.dumps({os.path.relpath(file, root): open(file).read().strip() for file in files}))"
)


def powered(make_twin, connect, watts: float | None):
    twin, address = make_twin("jetson-tx2")
    if watts is not None:
        twin.sense(lambda: 19.0, lambda _seconds: watts)
    twin.power(on=True)
    return connect(address)


def test_a_program_on_the_board_reads_volts_and_amps_in_the_chips_steps(make_twin, connect):
    client = powered(make_twin, connect, 9.0)
    shown = json.loads(client.text(f'python3 -c "{READ}"'))
    names = {path: name for path, name in shown.items() if "rail_name" in path}
    assert len(names) == 7
    milliwatts = 0.0
    for path, name in names.items():
        chip, n = path.rsplit("/", 1)[0], path[-1]
        millivolts, milliamps = (int(shown[f"{chip}/in_{what}{n}_input"]) for what in ("voltage", "current"))
        assert (millivolts % 8, milliamps % 4) == (0, 0)
        assert int(shown[f"{chip}/in_power{n}_input"]) == round(millivolts * milliamps / 1000)
        milliwatts += millivolts * milliamps / 1000 * (name in ("VDD_IN", "VDD_MUX"))
    assert milliwatts == pytest.approx(9000, abs=2 * 19 * 4 / 2)
    assert list(shown.values()).count("ina3221") == 3, "the newer driver shows the same chips"


def test_a_twin_that_nobody_gave_a_supply_has_no_rails(make_twin, connect):
    client = powered(make_twin, connect, None)
    assert json.loads(client.text(f'python3 -c "{READ}"')) == {}
    assert "VDD_" not in client.text("tegrastats --interval 20 | head -1")


def test_tegrastats_tells_each_rail_and_its_mean_since_it_began(make_twin, connect):
    watts = [7.0]
    twin, address = make_twin("jetson-tx2")
    twin.sense(lambda: 19.0, lambda _seconds: watts[0])
    twin.power(on=True)
    client = connect(address)
    channel = client.start("exec tegrastats --interval 100")
    read = channel.makefile("r")

    def said() -> list[int]:
        return [int(number) for number in read.readline().split(" VDD_IN ")[1].split()[0].split("/")]

    assert said() == [5776, 5776], "304 mA at 19 V: 5.8 W in steps of 4 mA"
    watts[0] = 14.0
    told = [said() for _ in range(3)]
    while told[-1][0] < 12_760 and len(told) < 100:  # on a busy host lines of before have waited here
        told.append(said())
    channel.close()
    now, mean = told[-1]
    assert now == pytest.approx(12_800, abs=40)
    assert 5776 < mean < now
