"""Every address of the pages."""

from django.urls import path, register_converter

from vultus.web import case_pages, pages, picture_pages, problem, search_pages


class Number:
    """An id: digits that fit the database's 64 bits."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class Size:
    """The two sizes in which an aligned face is shown."""

    regex = "pair|large"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Number, "n")
register_converter(Size, "size")

urlpatterns = [
    path("", pages.start, name="start"),
    path("log-in", pages.log_in_page, name="log_in"),
    path("log-out", pages.log_out_page, name="log_out"),
    path("language", pages.set_language, name="set_language"),
    path("theme", pages.set_theme, name="set_theme"),
    path("cases", case_pages.case_list, name="cases"),
    path("cases/new", case_pages.case_new, name="case_new"),
    path("cases/<n:case_id>", case_pages.case, name="case"),
    path("cases/<n:case_id>/approve", case_pages.approve_case, name="approve_case"),
    path("cases/<n:case_id>/photo", search_pages.receive_probe, name="receive_probe"),
    path("probes/<n:probe_id>", search_pages.probe, name="probe"),
    path("probes/<n:probe_id>/search", search_pages.search_probe, name="search_probe"),
    path("probes/<n:probe_id>/photo.jpg", picture_pages.probe_photo, name="probe_photo"),
    path(
        "probes/<n:probe_id>/face-<n:n>-<size:size>.jpg",
        picture_pages.probe_face,
        name="probe_face",
    ),
    path("searches/<n:search_id>", search_pages.search, name="search"),
    path(
        "searches/<n:search_id>/candidates/<n:reference>",
        search_pages.candidate,
        name="candidate",
    ),
    path(
        "searches/<n:search_id>/candidates/<n:reference>/photo",
        search_pages.photo,
        name="photo",
    ),
    path(
        "searches/<n:search_id>/candidates/<n:reference>/photo.jpg",
        picture_pages.candidate_photo,
        name="candidate_photo",
    ),
    path(
        "searches/<n:search_id>/candidates/<n:reference>/face-<size:size>.jpg",
        picture_pages.candidate_face,
        name="candidate_face",
    ),
]

handler400 = problem.bad_request
handler403 = problem.forbidden
handler404 = problem.not_found
handler500 = problem.server_error
