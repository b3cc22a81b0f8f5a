"""What programs written for 1.2.9 look at, and some set: its inner names, as live views of the cache."""

from __future__ import annotations

from . import _native, _options
from ._settings import absolute, cache_of, reopen, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

    from ._types import Name, Ttl


class Views:
    """Base of JSONCache. A view is made when it is looked at: changing what it returns changes nothing."""

    _global_logging = True

    def json_cache_clear(self, function_name: Optional[str] = None) -> None:
        raise NotImplementedError

    def _state_texts(self) -> Dict[str, str]:
        raise NotImplementedError

    @property
    def _json_cache_func_cache(self) -> Dict[str, Dict[str, Any]]:
        from datetime import datetime

        found = dict(cache_of(self).entries())
        found.update(_native.values(_native.memory_of(self)))
        return {
            signature: {"value": value, "date": datetime.fromtimestamp(utc)} for signature, (value, utc) in sorted(found.items())
        }

    @_json_cache_func_cache.setter
    def _json_cache_func_cache(self, entries: Mapping[str, Any]) -> None:
        if entries:
            raise AttributeError("_json_cache_func_cache is a view of the cache: it can be emptied (= {}), but not filled")
        self.json_cache_clear()

    @property
    def _cached_variables(self) -> Dict[str, Any]:
        return {name: vars(self)[name] for name in sorted(self._state_texts())}

    @property
    def _json_cache_variable_cache(self) -> Dict[str, Any]:
        return self._cached_variables

    def _json_cache_data(self) -> Dict[str, Any]:
        """What 1.2.9 would write."""
        from datetime import datetime

        return {
            "_json_cache_func_cache": self._json_cache_func_cache,
            "_json_cache_last_save_date": datetime.now(),
            "_json_cache_variable_cache": self._cached_variables,
        }

    @property
    def _json_cache_filename_with_path(self) -> str:
        return str(cache_of(self).info()["document"])

    @property
    def _json_cache_directory(self) -> str:
        return settings_of(self).directory

    @_json_cache_directory.setter
    def _json_cache_directory(self, directory: Name) -> None:
        settings_of(self).directory = absolute(_options.directory(directory))
        reopen(self)

    @property
    def _json_cache_data_id(self) -> str:
        return settings_of(self).data_id

    @_json_cache_data_id.setter
    def _json_cache_data_id(self, data_id: Name) -> None:
        settings_of(self).data_id = _options.text(data_id, "data_id", type(self).__name__)
        reopen(self)

    @property
    def _json_cache_logging(self) -> bool:
        return settings_of(self).logging and self._global_logging

    @_json_cache_logging.setter
    def _json_cache_logging(self, on: bool) -> None:
        settings_of(self).logging = bool(on)
        cache_of(self).set_logging(bool(on))

    @property
    def _json_cache_ttl(self) -> Ttl:
        return settings_of(self).ttl

    @_json_cache_ttl.setter
    def _json_cache_ttl(self, ttl: Ttl) -> None:
        value = _options.days(ttl, type(self).__name__)
        settings_of(self).ttl = ttl
        cache_of(self)
        _native.set_ttl(_native.memory_of(self), value)

    @property
    def _dynamodb_enabled(self) -> bool:
        return settings_of(self).dynamodb_enabled

    @_dynamodb_enabled.setter
    def _dynamodb_enabled(self, on: bool) -> None:
        settings_of(self).dynamodb_enabled = bool(on)
        if settings_of(self).dynamodb_table:
            reopen(self)

    @property
    def _save_on_del(self) -> bool:
        return settings_of(self).save_on_del

    @_save_on_del.setter
    def _save_on_del(self, on: bool) -> None:
        settings_of(self).save_on_del = bool(on)

    def _should_log(self) -> bool:
        return self._json_cache_logging

    def _log_error(self, message: str) -> None:
        cache_of(self).warn(message)
