"""`nurture openapi`: the description of the HTTP interface."""


def openapi() -> None:
    """Print the description of the HTTP interface (OpenAPI 3.1), which every web process serves at /openapi.json."""
    from nurture.cli.printing import print_json
    from nurture.web.openapi import description

    print_json(description())
