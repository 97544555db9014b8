"""`nurture metrics`: what `/metrics` gives, for machines that run no web process."""

import typer


def metrics() -> None:
    """Print the installation's figures in the Prometheus text format, as /metrics gives them; a part that is away is left out."""
    from nurture.adapters.clock import clock_from
    from nurture.adapters.database.engine import make_engine
    from nurture.adapters.journal import standing
    from nurture.cli.status import redis_for
    from nurture.reports.health import figures, of_journal
    from nurture.reports.status import status
    from nurture.settings import Settings

    settings = Settings.load()
    engine = make_engine(settings.database)
    redis = redis_for(settings)
    at = clock_from(settings).now()
    journal = of_journal(standing(settings.journal_folder), at)
    typer.echo(figures(redis, status(engine, redis, settings.partitions, at), journal), nl=False)
    engine.dispose()
