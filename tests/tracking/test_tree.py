from xml.etree import ElementTree

from napari_segment_anything.tracking.tree import ROW, Branch, lineage_svg, rows_of


def test_parents_lie_amid_their_children():
    branches = {
        1: Branch(0, 3),
        2: Branch(4, 9, 1),
        3: Branch(4, 6, 1),
        4: Branch(7, 9, 3),
        5: Branch(7, 9, 3),
        6: Branch(2, 9),
    }
    rows = rows_of(branches)
    assert rows == {2: 0, 4: 1, 5: 2, 3: 1.5, 1: 0.75, 6: 3}


def test_lineages_deeper_than_the_stack_of_python():
    branches = {n: Branch(n, n, n - 1) for n in range(1, 5000)}
    assert set(rows_of(branches).values()) == {0}


def test_picture_is_valid_and_names_tracks():
    picture = lineage_svg({7: Branch(0, 2), 8: Branch(3, 4, 7)}, title="a < b")
    root = ElementTree.fromstring(picture)
    texts = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert {"7", "8", "a < b"} <= set(texts)
    assert lineage_svg({}).startswith("<svg")


def test_picture_ends_below_the_last_row():
    twins = {1: Branch(0, 3), 2: Branch(4, 9, 1), 3: Branch(4, 9, 1), 4: Branch(0, 9)}
    root = ElementTree.fromstring(lineage_svg(twins))
    lowest = max(float(node.get("y1")) for node in root.iter() if node.get("y1"))
    assert lowest < float(root.get("height")) <= lowest + 2 * ROW


def test_names_do_not_lie_on_lines():
    root = ElementTree.fromstring(lineage_svg({7: Branch(0, 2), 8: Branch(5, 9, 7)}))
    (line,) = {float(node.get("y1")) for node in root.iter() if node.get("y1")}
    texts = [node for node in root.iter() if node.tag.endswith("text")]
    names = {node.text: float(node.get("y")) for node in texts}
    assert names["7"] < line < names["8"]
