from __future__ import annotations

from worker.report.html import Html, el, join


def test_texts_and_values_are_escaped() -> None:
    found = el("p", '<script>alert("1")</script> & more', title='"><img src=x>')
    assert found == (
        '<p title="&quot;&gt;&lt;img src=x&gt;">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more</p>'
    )


def test_markup_in_markup_stays() -> None:
    assert el("p", el("b", "<"), None, 3) == "<p><b>&lt;</b>3</p>"
    assert isinstance(join(["<", Html("<br>")]), Html)
    assert join(["<", Html("<br>")]) == "&lt;<br>"


def test_names_of_attributes_are_as_html_has_them() -> None:
    found = el("svg", class_="bar", aria_label="a", viewBox="0 0 1 1", tabindex=0, title=None)
    assert found == '<svg class="bar" aria-label="a" viewBox="0 0 1 1" tabindex="0"></svg>'


def test_coordinates_are_short() -> None:
    assert el("rect", x=1.0, y=0.123456) == '<rect x="1" y="0.12"></rect>'


def test_elements_without_content_have_no_end() -> None:
    assert el("meta", name="a") == '<meta name="a">'
