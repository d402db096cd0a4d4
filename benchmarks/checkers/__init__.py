"""Gives the same planted data to this pipeline and to other checkers of data.

``make checkers`` runs ``run``. ``peer`` and the ``in_*`` modules run in an environment
of their own, without this project's packages, and import nothing of the project.
"""
