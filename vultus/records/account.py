"""Accounts: who acts. Names are sealed; log-in finds them by a blind index."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class AccountKind(models.TextChoices):
    """`local` is the operator's own account of the command line; it has no password."""

    LOCAL = "local"
    PERSON = "person"


class Account(AbstractBaseUser):
    id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=10, choices=AccountKind)
    name_index = models.BinaryField(max_length=32, unique=True)
    sealed = models.BinaryField()  # {name}
    created = models.DateTimeField()
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = BaseUserManager()

    name: str  # unsealed by `actions`, never stored

    def __str__(self) -> str:
        return f"account {self.pk}"


class LogInTry(models.Model):
    """Failed log-ins, to slow guessing down: by name and by address, both blind."""

    index = models.BinaryField(max_length=32)
    time = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["index", "time"])]  # noqa: RUF012
