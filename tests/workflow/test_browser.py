"""The report in a real browser: headless Chromium."""

import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path (Debian: apt-get install chromium)"),
]
# Moves the mouse over the first point of a chart that has been trained.
HOVER = """<script>
addEventListener("load", () => {
  const waiting = setInterval(() => {
    const point = document.querySelector("#chart_data path[aria-label*='; cell: p']");
    if (!point) return;
    clearInterval(waiting);
    const { x, y } = point.getBoundingClientRect();
    point.dispatchEvent(new MouseEvent("pointermove", { bubbles: true, clientX: x, clientY: y, view: window }));
  }, 100);
});
</script>"""
# Tells the page around a frame its width, and of the page and of every box around the claims what they would need.
WIDTHS = """<script type="module">
const found = () => document.querySelector(".dt-container table.claims");
while (!found()) await new Promise((tick) => setTimeout(tick, 50));
const boxes = [document.scrollingElement];
for (let box = found(); box !== document.body; box = box.parentElement) boxes.push(box);
const widths = boxes.map((box) => [box.scrollWidth, box.clientWidth]);
const heights = boxes.slice(1).map((box) => [box.scrollHeight, box.clientHeight]);
parent.postMessage(JSON.stringify({ inner: innerWidth, widths, heights }), "*");
</script>"""
# No window of Chromium's is as narrow as a phone, but a frame is.
FRAME = """<!doctype html><body><pre></pre>
<iframe src="report.html" style="border: 0; width: {width}px; height: 800px"></iframe>
<script>
addEventListener("message", (event) => {{ document.querySelector("pre").textContent = event.data; }});
</script>"""
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


@pytest.fixture(scope="module")
def browse(finished_project, tmp_path_factory):
    """Open the report of the smoke workflow, or another page: standard output and what the console said."""
    report = finished_project.path / "results/transfer/smoke/report.html"
    profile = tmp_path_factory.mktemp("profile")

    def open_with(*options, page=report):
        command = [CHROMIUM, "--headless", *QUIET.split(), "--no-first-run", f"--user-data-dir={profile}"]
        command += ["--enable-logging=stderr", "--virtual-time-budget=30000", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return open_with


@pytest.fixture(scope="module")
def page(browse):
    return browse("--dump-dom")


def test_nothing_is_requested_and_the_console_is_silent(page):
    """The page's own policy forbids every request; a request would be a line on the console."""
    dom, console = page
    assert "default-src 'none'" in dom
    assert console == []


def test_every_question_has_a_drawn_chart_with_points(page):
    chart = r'<div class="chart[^"]*" id="chart_(\w+)"[^>]*>(.*?)<script type="application/json">'
    charts = re.findall(chart, page[0], re.DOTALL)
    assert [name for name, _ in charts] == ["data", "size", "shift", "mixture", "seeds"]
    for name, markup in charts:
        assert "<svg" in markup, name
        assert len(re.findall(r'<path aria-label="', markup)) >= 6, name


def test_a_point_under_the_mouse_shows_its_row(browse, finished_project, tmp_path):
    head, end, tail = (
        (finished_project.path / "results/transfer/smoke/report.html").read_text().rpartition("</body>")
    )
    (tmp_path / "report.html").write_text(head + HOVER + end + tail)
    dom, console = browse("--dump-dom", page=tmp_path / "report.html")
    assert console == []
    tooltip = re.search(r'<div id="vg-tooltip-element".*?</table>', dom, re.DOTALL)[0]
    row = dict(re.findall(r'<td class="key">(.*?)</td><td class="value">(.*?)</td>', tooltip))
    cell = finished_project.path / "results/transfer/smoke/cells" / row["cell"] / "cell.json"
    [chosen] = [run for run in json.loads(cell.read_text())["chosen"] if str(run["seed"]) == row["seed"]]
    assert float(row["validation error"]) == pytest.approx(chosen["validation_error"], rel=1e-4)
    assert re.fullmatch("[0-9a-f]{8,64}", row["checkpoint, SHA-256"])


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_and_its_claims_are_as_wide_as_the_window(browse, finished_project, tmp_path, width):
    """On a phone, too, nobody scrolls to the side, neither the page nor a box around the table of claims."""
    head, end, tail = (
        (finished_project.path / "results/transfer/smoke/report.html").read_text().rpartition("</body>")
    )
    (tmp_path / "report.html").write_text(head + WIDTHS + end + tail)
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    dom, _ = browse("--dump-dom", "--window-size=1400,900", page=tmp_path / "frame.html")
    found = json.loads(re.search(r"<pre>(.*?)</pre>", dom)[1])
    assert found["inner"] == width
    assert all(needed <= given for needed, given in (*found["widths"], *found["heights"]))


def test_every_table_can_be_sorted_and_filtered(page):
    tables = re.findall(r'<table[^>]*class="[^"]*\bsortable\b[^"]*"', page[0])
    assert len(tables) >= 10
    assert all("dataTable" in table for table in tables)
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page[0], flags=re.DOTALL)
    assert body.count('type="search"') == len(tables)


def test_the_contents_lead_to_every_section(page):
    targets = re.findall(r'<li><a href="#(\w+)"', page[0])
    assert {"claims", "data", "shift", "datasets", "costs", "provenance"} <= set(targets)
    for target in targets:
        assert f'<h2 id="{target}">' in page[0]


def test_it_prints(browse, tmp_path):
    pdf = tmp_path / "report.pdf"
    browse(f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) >= 8
