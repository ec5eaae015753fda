"""What the pages take from people: bounded, and nothing else is read from a request."""

from django import forms
from django.utils.translation import gettext_lazy as _

from vultus.web.words import STOPS

TEXT_LENGTH_MAX = 1500
FACES_MAX = 200


class LogInForm(forms.Form):
    name = forms.CharField(max_length=200)
    password = forms.CharField(max_length=1000, strip=False)


class CaseForm(forms.Form):
    """A case's texts; what they must say is decided in `actions.case`."""

    reference = forms.CharField(
        label=_("Reference"),
        help_text=_("The number or name under which you keep this case."),
        max_length=200,
    )
    purpose = forms.CharField(
        label=_("Purpose"),
        help_text=_("What the search is for, in a sentence that a supervisor can judge."),
        max_length=TEXT_LENGTH_MAX,
        widget=forms.Textarea({"rows": 3}),
    )
    legal_basis = forms.CharField(
        label=_("Legal basis"),
        help_text=_("The law or agreement that allows it."),
        max_length=TEXT_LENGTH_MAX,
        widget=forms.Textarea({"rows": 2}),
    )
    expires = forms.DateField(
        label=_("Last day (optional)"),
        help_text=_("The case searches until the end of this day. Without one it has no end."),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )


class PhotoForm(forms.Form):
    photo = forms.FileField(max_length=255, allow_empty_file=True)
    collection = forms.CharField(max_length=200, required=False)


class SearchForm(forms.Form):
    """Which faces of a probe to search for, where, and how strictly."""

    face = forms.TypedMultipleChoiceField(
        required=False, coerce=int, choices=[(n, n) for n in range(1, FACES_MAX + 1)]
    )
    all = forms.BooleanField(required=False)
    collection = forms.CharField(max_length=200, required=False)
    stop = forms.TypedChoiceField(
        required=False, coerce=int, empty_value=None, choices=[(n, n) for n in STOPS]
    )
