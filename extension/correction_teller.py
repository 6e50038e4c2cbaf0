"""Tells the hub what a person corrected, so that it holds for all servers and against all that agents find out."""

import logging

from ..hub_client import ForbiddenError, HubClient, HubError, InvalidRequestError, NotFoundError
from .corrections import Correction, Corrections

log = logging.getLogger(__name__)

MOST_AT_ONCE = 50
"""How many are told in one round: the rest follow, and the inventory does not wait for a selection of thousands."""


class CorrectionTeller:
    """Tells one hub after each round of the sync; what did not get through is told in a later one."""

    def __init__(self, corrections: Corrections) -> None:
        self._corrections = corrections
        self._said: str | None = None

    def tell(self, client: HubClient) -> None:
        """Tell what is untold, up to a bound. A hub that does not answer is told in a later round."""
        for sha256, said, at in self._corrections.untold(client.address, MOST_AT_ONCE):
            try:
                self._tell_one(client, sha256, said)
            except NotFoundError:
                if any((said.base_model, said.ecosystem, said.type)):
                    continue  # the model has not reached the hub yet, or is on no server of its any more
            except (ForbiddenError, InvalidRequestError) as error:
                log.warning("The hub does not take the correction of %s…: %s", sha256[:10], error)
            except HubError as error:
                if str(error) != self._said:
                    self._said = str(error)
                    log.warning("The hub could not be told what was corrected: %s. It is tried again.", error)
                return
            self._corrections.told(client.address, sha256, at)
        self._said = None

    @staticmethod
    def _tell_one(client: HubClient, sha256: str, said: Correction) -> None:
        name = said.base_model or said.ecosystem
        if name is None and said.type is None:
            client.clear_override(sha256)
        else:
            client.override(sha256, base_model=name, type=said.type)
