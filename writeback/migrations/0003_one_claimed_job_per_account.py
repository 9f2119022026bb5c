from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("writeback", "0002_syncs"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="writebackjob",
            name="one_claimed_job_per_user",
        ),
        migrations.AddConstraint(
            model_name="writebackjob",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "claimed")),
                fields=("connector", "anchor"),
                name="one_claimed_job_per_account",
            ),
        ),
    ]
