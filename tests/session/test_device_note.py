from napari_segment_anything.session import device_note


def test_a_card_that_is_not_used_is_told(monkeypatch):
    monkeypatch.setattr(device_note, "_has_card", lambda: True)
    assert "pytorch.org" in device_note.idle_card_note("cpu")
    assert device_note.idle_card_note("cuda") == ""


def test_without_a_card_there_is_nothing_to_tell(monkeypatch):
    monkeypatch.setattr(device_note.platform, "system", lambda: "Linux")
    monkeypatch.setattr(device_note.shutil, "which", lambda name: None)
    monkeypatch.setattr(device_note.Path, "exists", lambda path: False)
    assert device_note.idle_card_note("cpu") == ""
    monkeypatch.setattr(device_note.shutil, "which", lambda name: "/usr/bin/" + name)
    assert device_note.idle_card_note("cpu") != ""
