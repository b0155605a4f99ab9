"""A request that the page does not like gets an answer of 4xx, says why, and changes nothing."""

from __future__ import annotations

import json
import re

import pytest

from bench.feedback.page import views
from bench.feedback.page.guard import LIMIT

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def nothing_changes(site):
    """Whatever a test asks for, the one click before it is all there is."""
    assert site.click([3, True]).status == 200
    yield
    assert site.clicked() == {3} and site.clicked("slant") == set()
    assert site.desk.book.looked("original", "thickness") == set()
    assert site.get("/images/0/0").status == 200, "and the page still answers"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::1]"])
def test_another_name_for_this_machine_is_refused(site, host):
    answer = site.get("/images/0/0", Host=host)
    assert answer.status == 400 and "not served under that name" in answer.text and site.desk.token not in answer.text


@pytest.mark.parametrize(("host", "port"), [("evil.example:8765", 8765), ("evil.example", None), ("[::1]", None)])
def test_who_is_refused_is_told_an_address_that_opens_the_page(site, host, port):
    """The port is the browser's, which a tunnel may have changed, else the server's."""
    wanted = f"Open http://127.0.0.1:{port or site.port} instead."
    assert site.get("/images/0/0", Host=host).text.endswith(wanted)


def test_the_usual_names_are_answered(site):
    for host in (f"127.0.0.1:{site.port}", f"localhost:{site.port}", "LOCALHOST"):
        assert site.get("/images/0/0", Host=host).status == 200


@pytest.mark.parametrize("token", ["forged", "x" * 4000, "\u00e9"])
def test_a_forged_token_is_refused(site, token):
    assert site.click([5, True], token=token).status == 403
    for path in ("/images/0/0", "/finish"):
        answer = site.form(path, token=token, tile=[5], action="next")
        assert answer.status == 403 and "The form is not one of this page" in answer.text


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_another_site_s_form_is_refused(site, headers):
    answer = site.click([5, True], **headers)
    assert answer.status == 403 and "another site" in answer.text


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"set": [["5", True]]}, "set.0.0: should be a valid integer"),
        ({"set": [[5.0, True]]}, "set.0.0"),
        ({"set": [[True, True]]}, "set.0.0"),
        ({"set": [[-1, True]]}, "set.0.0"),
        ({"set": [[10**12, True]]}, "set.0.0"),
        ({"set": [[5, 1]]}, "set.0.1"),
        ({"set": [[5]]}, "set.0"),
        ({"set": {"5": True}}, "set"),
        ({"set": [], "path": "/etc/passwd"}, "path: unknown field"),
        ({"set": [[50, True]]}, "There is no image 50; this folder shows 50 so far"),
        ({"set": [[5, True], [5, False]]}, "Image 5 is named twice"),
        ({"set": [[n, True] for n in range(10_000)]}, "There is no image 50"),
    ],
)  # fmt: skip
def test_only_whole_numbers_of_images_that_are_there_count(site, said, reason):
    body = json.dumps({"token": site.desk.token, "round": 0, "attribute": 0, **said})
    answer = site.ask("POST", "/clicks", body, content_type="application/json")
    assert (
        answer.status == 422 and reason in answer.content["error"] and "Nothing was changed" in answer.content["error"]
    )


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "nonsense", "null", "\xff"])
def test_what_is_not_json_is_refused(site, body):
    assert site.ask("POST", "/clicks", body.encode("latin-1"), content_type="application/json").status == 422


def test_ten_thousand_ids_in_one_form_are_refused(site):
    answer = site.form("/images/0/0", tile=range(10_000), first=0, size=50)
    assert answer.status == 422 and "There is no image 50" in answer.text


def test_images_of_another_page_are_refused(site):
    site.get("/images/0/0?first=50&size=50")
    assert site.form("/images/0/0", tile=[60], first=0, size=50).status == 422


def test_a_large_request_is_refused_before_it_is_read(site):
    for path, kind in (("/clicks", "application/json"), ("/images/0/0", FORM), ("/finish", FORM)):
        answer = site.ask("POST", path, b"x" * (LIMIT + 1), content_type=kind)
        assert answer.status == 413


def test_a_large_request_without_a_length_is_refused(site):
    def parts():
        for _ in range(2 * LIMIT // 65536):
            yield b"x" * 65536

    try:
        assert site.ask("POST", "/clicks", parts(), content_type="application/json").status == 413
    except (BrokenPipeError, ConnectionResetError):  # the server closed the connection while we wrote
        pass


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_another_kind_of_content_is_refused(site, kind):
    assert site.ask("POST", "/clicks", "{}", content_type=kind).status == 415
    assert site.ask("POST", "/images/0/0", "token=x", content_type=kind).status == 415


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/50.png", "/tile/0/-1.png", "/tile/0/x.png", "/tile/7/0.png", "/tile/1/0.png", "/tile/0/..%2f..%2fetc",
        "/images/0/2", "/images/5/0", "/images/0/x", "/static/../app.py", "/static/..%2fapp.py", "/static/app.py",
        "/preview/0/0.png", "/preview/9/9.png", "/feedback.json", "/run", "/run/weights", "/nothing", "/.env",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(site, path):
    answer = site.get(path)
    assert answer.status == 404 and "Traceback" not in answer.text


@pytest.mark.parametrize(
    "query", ["first=x", "first=-1", "size=7", "size=1e9", "zoom=9", "sort=up", "first=9999999999"]
)
def test_a_view_that_is_not_offered_is_refused(site, query):
    assert site.get(f"/images/0/0?{query}").status == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "/clicks"), ("PUT", "/clicks"), ("DELETE", "/images/0/0"), ("POST", "/tile/0/1.png")])  # fmt: skip
def test_another_kind_of_request_is_refused(site, method, path):
    assert site.ask(method, path).status == 405


def test_every_answer_tells_the_browser_to_load_nothing_from_elsewhere(site):
    for path in ("/images/0/0", "/finish", "/preview", "/tile/0/0.png", "/static/grid.js", "/nothing"):
        headers = site.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'")  # fmt: skip
        assert "unsafe" not in headers["content-security-policy"] and "frame-ancestors 'none'" in headers["content-security-policy"]  # fmt: skip
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"


def test_what_is_put_into_a_page_is_escaped():
    page = views.templates().from_string("{{ text }}").render(text="<script>'\"&")
    assert page == "&lt;script&gt;&#39;&#34;&amp;"


def test_no_page_has_scripts_or_styles_inside():
    for path in (views.HERE / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|style=|\son\w+=|<script(?! src=\"/static/)|https?://|\|\s*safe", text), path.name
